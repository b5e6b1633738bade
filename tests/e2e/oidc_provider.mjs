// npm's oidc-provider as it comes, so that claims are given by its userinfo endpoint alone. Arguments: port, redirect URI.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "evaluator", client_secret: "a secret/of+the client", redirect_uris: [redirect] }],
  claims: { profile: ["preferred_username", "name"], email: ["email", "email_verified"], groups: ["groups"] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: `${id} of node`, groups: ["writers"] }),
  }),
});
createServer(provider.callback()).listen(Number(port), "127.0.0.1");
