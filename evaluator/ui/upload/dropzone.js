// Streams files to the server, one request a file: create an upload, put its files, have them recognised.
// The component's trigger value `upload` is the upload's id, once everything has arrived.

const ESTIMATE_AFTER = 1500; // milliseconds until the speed is known well enough to say how long it will take
const SPEAK_EVERY = 25; // percent between two remarks to screen readers
const HEADERS = { "content-type": "application/json", "x-evaluator-upload": "1" };
const zones = new WeakMap(); // one a drawn zone: Streamlit calls again whenever the page runs

export default function (component) {
  const root = component.parentElement;
  const drawn = root.querySelector(".zone"); // it may be drawn anew in the same place, and then nobody listens to it
  if (!zones.has(drawn)) zones.set(drawn, new Zone(root));
  const zone = zones.get(drawn);
  zone.limit = component.data.limit;
  zone.addsTo = component.data.adds_to;
  zone.done = (id) => component.setTriggerValue("upload", id);
  zone.find(".limit").textContent = component.data.limit_in_words;
  zone.ready();
  return () => setTimeout(() => root.isConnected || zone.abandon()); // only if the page was left
}

class Zone {
  constructor(root) {
    this.root = root;
    this.upload = null; // {id, files: [{file, name}], next, sent, total, began}
    this.request = null;
    this.on(".files", "click", () => this.find(".files-input").click());
    this.on(".folder", "click", () => this.find(".folder-input").click());
    for (const input of [".files-input", ".folder-input"]) {
      this.on(input, "change", ({ target }) => {
        const files = [...target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
        target.value = ""; // so that the same files can be chosen again
        this.start(files);
      });
    }
    this.on(".zone", "dragover", (event) => this.over(event, true));
    this.on(".zone", "dragleave", (event) => this.over(event, false));
    this.on(".zone", "drop", (event) => this.drop(event));
    this.on(".cancel", "click", () => this.abandon());
    this.on(".restart", "click", () => this.abandon());
    this.on(".retry", "click", () => this.send());
    this.warn = (event) => event.preventDefault(); // the browser asks before it leaves the page
  }

  // Nothing can be chosen before somebody listens.
  ready() {
    this.find(".zone").removeAttribute("aria-busy");
    for (const button of [".files", ".folder"]) this.find(button).disabled = false;
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  on(selector, event, act) {
    this.find(selector).addEventListener(event, act);
  }

  over(event, inside) {
    event.preventDefault();
    this.find(".zone").classList.toggle("over", inside && !this.upload);
  }

  async drop(event) {
    this.over(event, false);
    if (this.upload) return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
    try {
      this.start((await Promise.all(entries.map((entry) => filesOf(entry, "")))).flat());
    } catch (error) {
      this.fail(`The folder cannot be read: ${error.message}`, false);
    }
  }

  async start(found) {
    const files = withoutSharedFolder(found.filter(({ name }) => !isHidden(name)));
    if (!files.length) return;
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    this.upload = { id: null, files, next: 0, sent: 0, total, began: null };
    if (total > this.limit) {
      const limit = this.find(".limit").textContent;
      this.fail(`These files have ${size(total)} together; the limit is ${limit} (setting upload_limit)`, false);
      return;
    }
    await this.send();
  }

  // Send what is not yet there: all of it, or, after a failure, the rest.
  async send() {
    const upload = this.upload;
    this.show("sending");
    window.addEventListener("beforeunload", this.warn);
    Object.assign(upload, { began: performance.now(), before: upload.sent, spoken: 0 });
    try {
      const query = this.addsTo ? `?adds_to=${encodeURIComponent(this.addsTo)}` : "";
      upload.id ??= (await ask("POST", `api/uploads${query}`)).id;
      while (this.upload === upload && upload.next < upload.files.length) {
        const { file, name } = upload.files[upload.next];
        this.progress(name, 0);
        await this.put(upload.id, name, file);
        upload.sent += file.size;
        upload.next += 1;
      }
      if (this.upload !== upload) return;
      await ask("POST", `api/uploads/${upload.id}/recognise`);
      this.find(".how-far").textContent = "All files have arrived";
      this.upload = null;
      this.done(upload.id);
    } catch (error) {
      if (this.upload === upload) this.fail(error.message, true);
    } finally {
      window.removeEventListener("beforeunload", this.warn);
    }
  }

  // XMLHttpRequest, because fetch tells nothing about how much was sent.
  put(id, name, file) {
    return new Promise((resolve, reject) => {
      const request = (this.request = new XMLHttpRequest());
      const path = name.split("/").map(encodeURIComponent).join("/");
      request.open("PUT", address(`api/uploads/${id}/files/${path}`));
      request.setRequestHeader("x-evaluator-upload", "1");
      request.upload.onprogress = (event) => this.progress(name, event.loaded);
      request.onload = () =>
        request.status < 300 ? resolve() : reject(new Error(`${name}: ${reason(request.status, request.responseText)}`));
      request.onerror = () =>
        reject(new Error(`${name} was not sent: the connection broke, or the file has changed or cannot be read`));
      request.onabort = () => reject(new Error("cancelled"));
      request.send(file);
    });
  }

  progress(name, loaded) {
    const { files, next, sent, total, began, before } = this.upload;
    const now = Math.min(sent + loaded, total);
    const percent = total ? Math.floor((100 * now) / total) : 100;
    const seconds = (performance.now() - began) / 1000;
    const left = seconds * 1000 > ESTIMATE_AFTER ? ((total - now) * seconds) / (now - before) : null;
    this.find(".name").textContent = files.length > 1 ? `${name} (${next + 1} of ${files.length})` : name;
    this.find(".bar").setAttribute("aria-valuenow", percent);
    this.find(".bar div").style.width = `${percent}%`;
    this.find(".how-far").textContent =
      `${percent} % · ${size(now)} of ${size(total)}` + (Number.isFinite(left) && left ? ` · ${duration(left)} left` : "");
    if (percent >= this.upload.spoken + SPEAK_EVERY) {
      this.upload.spoken = percent;
      this.say(`${percent} percent uploaded`);
    }
  }

  fail(message, retry) {
    this.show("failed");
    this.find(".reason").textContent = message;
    this.find(".retry").hidden = !retry;
  }

  // Stop, and have the server forget what it got.
  abandon() {
    const upload = this.upload;
    this.upload = null;
    this.request?.abort();
    if (upload?.id) ask("DELETE", `api/uploads/${upload.id}`).catch(() => {});
    this.show("choose");
    this.say("Nothing is being uploaded");
  }

  show(name) {
    for (const part of ["choose", "sending", "failed"]) this.find(`.${part}`).hidden = part !== name;
  }

  say(text) {
    this.find(".spoken").textContent = text;
  }
}

// In the page's project, and beside the page, whatever the base path: from /upload to /api/..., from /base/upload to /base/api/...
function address(path) {
  const there = new URL(path, location.origin + location.pathname.replace(/\/+$/, "").replace(/[^/]*$/, ""));
  const project = new URLSearchParams(location.search).get("project");
  if (project) there.searchParams.set("project", project);
  return there;
}

async function ask(method, path) {
  let answer;
  try {
    answer = await fetch(address(path), { method, headers: HEADERS, body: method === "POST" ? "{}" : undefined });
  } catch {
    throw new Error("The server does not answer; see that it runs, then try again");
  }
  const text = await answer.text();
  if (!answer.ok) throw new Error(capital(reason(answer.status, text)));
  return text ? JSON.parse(text) : null;
}

function reason(status, text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return `the server answered with status ${status}`;
  }
}

function capital(message) {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

// All files of what was dropped: a file, a folder, or something that is neither, such as a text.
async function filesOf(entry, folder) {
  if (!entry || isHidden(entry.name)) return [];
  if (entry instanceof File) return [{ file: entry, name: entry.name }];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, name: folder + entry.name }];
  }
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // 100 at a time
    if (!some.length) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map((inner) => filesOf(inner, `${folder}${entry.name}/`)))).flat();
}

// Files that systems leave behind, such as .DS_Store and __MACOSX.
function isHidden(name) {
  return name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
}

// A folder that was chosen as a whole: what it holds, without its own name.
function withoutSharedFolder(files) {
  const top = files[0]?.name.split("/", 1)[0];
  if (!files.every(({ name }) => name.startsWith(`${top}/`))) return files;
  return files.map(({ file, name }) => ({ file, name: name.slice(top.length + 1) }));
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  const unit = Math.min(bytes ? Math.floor(Math.log10(bytes) / 3) : 0, units.length - 1);
  const number = bytes / 1000 ** unit;
  return `${unit && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

function duration(seconds) {
  return seconds < 60 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}
