// Draws ranked lists next to each other, and a line between the places of a document in neighbouring lists.
// What documents and queries say is put in as text, never as HTML: strangers wrote it.
// A document's link is a plain one: Streamlit's way to another page leaves a wrong step in the browser's history.

const NARROW = 640; // pixels below which lists stand one below the other
const COLUMN = 170; // pixels that a list needs beside others
const SVG = "http://www.w3.org/2000/svg";
const drawn = new WeakMap(); // one a mounted component: Streamlit calls again whenever the page runs

export default function (component) {
  const root = component.parentElement;
  const written = JSON.stringify(component.data);
  let view = drawn.get(root);
  if (!view || view.written !== written) {
    view?.stop();
    view = new Lists(root, component.data);
    view.written = written;
    drawn.set(root, view);
  }
  return () => setTimeout(() => root.isConnected || view.stop());
}

class Lists {
  constructor(root, data) {
    this.data = data;
    this.grid = element("div", "lists");
    this.lines = document.createElementNS(SVG, "svg");
    this.lines.setAttribute("aria-hidden", "true");
    this.grid.append(this.lines, ...data.lists.map((list) => this.list(list)));
    this.frame = root.querySelector(".scroll");
    this.frame.replaceChildren(this.grid);
    this.grid.addEventListener("toggle", () => this.arrange(), true);
    for (const kind of ["pointerover", "focusin"]) this.grid.addEventListener(kind, (event) => this.point(event));
    this.grid.addEventListener("pointerleave", () => this.show(null));
    this.watch = new ResizeObserver(() => this.arrange());
    this.watch.observe(this.frame);
    this.arrange();
  }

  stop() {
    this.watch.disconnect();
  }

  list(list) {
    const section = element("section");
    section.setAttribute("aria-label", list.variant);
    const header = element("header");
    header.append(element("h3", "", list.variant));
    if (list.score) {
      const score = element("p", "score", `${list.score} `);
      score.append(element("small", "", list.measure));
      header.append(score);
    }
    header.append(...list.remarks.map((remark) => element("p", "quiet", remark)));
    section.append(header);
    if (list.message) section.append(element("p", `message ${list.state}`, list.message));
    const hits = element("ol");
    hits.append(...list.hits.map((hit) => this.hit(hit)));
    section.append(hits);
    if (list.missed.length) {
      section.append(element("h4", "", list.missed_title));
      const missed = element("ol");
      missed.append(...list.missed.map((found) => this.item(found)));
      section.append(missed);
      if (list.more_missed) section.append(element("p", "quiet", list.more_missed));
    }
    return section;
  }

  hit(hit) {
    const item = this.item(hit);
    item.dataset.doc = hit.doc;
    return item;
  }

  item(found) {
    const { title, id, href, text, rest } = this.data.documents[found.doc];
    const item = element("li", found.grade.kind === "relevant" || found.grade.kind === "highly" ? "relevant" : "");
    const top = element("div", "top");
    const name = element("a", "title");
    name.href = href;
    name.append(...marked(title));
    top.append(element("span", "place", found.place), name, element("span", "value", found.score ?? ""));
    const badges = element("div", "badges");
    if (found.grade.word) badges.append(element("span", `badge ${found.grade.kind}`, `${found.grade.symbol} ${found.grade.word}`));
    const others = found.also ?? [];
    if (others.length) {
      const also = element("div", others.every(({ lined }) => lined) ? "quiet also lined" : "quiet also");
      also.append(element("span", "", "also"), ...others.map(({ text, lined }) => element("span", lined ? "lined" : "", text)));
      badges.append(also);
    }
    if (found.absent) badges.append(element("span", "quiet", found.absent));
    if (id) badges.append(element("span", "quiet id", id));
    item.append(top, badges);
    if (found.passage_title) item.append(element("p", "quiet", found.passage_title));
    const excerpt = element("p", "text");
    excerpt.append(...marked(found.passage ?? text));
    item.append(excerpt);
    if (rest) {
      const whole = element("details");
      const body = element("p", "text");
      body.append(...marked(rest));
      body.tabIndex = 0; // scrolls by keyboard
      whole.append(element("summary", "", this.data.whole), body);
      item.append(whole);
    }
    return item;
  }

  arrange() {
    const width = this.frame.clientWidth;
    const narrow = width < NARROW;
    const n = this.data.lists.length;
    this.grid.classList.toggle("narrow", narrow);
    this.grid.classList.toggle("wide", !narrow);
    this.grid.style.gridTemplateColumns = narrow ? "minmax(0, 1fr)" : `repeat(${n}, minmax(${COLUMN}px, 1fr))`;
    this.grid.style.removeProperty("--header");
    const headers = [...this.grid.querySelectorAll("header")];
    if (!narrow) this.grid.style.setProperty("--header", `${Math.max(...headers.map((header) => header.offsetHeight))}px`);
    this.connect(narrow);
  }

  connect(narrow) {
    this.lines.replaceChildren();
    if (narrow) return;
    const { left, top } = this.grid.getBoundingClientRect();
    this.lines.setAttribute("width", this.grid.scrollWidth);
    this.lines.setAttribute("height", this.grid.scrollHeight);
    const columns = [...this.grid.querySelectorAll("section")].map(
      (section) => new Map([...section.querySelectorAll("li[data-doc]")].map((item) => [item.dataset.doc, item])),
    );
    columns.slice(1).forEach((column, before) => {
      for (const [doc, item] of column) {
        const other = columns[before].get(doc);
        if (!other) continue;
        const from = other.getBoundingClientRect();
        const to = item.getBoundingClientRect();
        const [x1, y1, x2, y2] = [from.right - left, from.top - top + 18, to.left - left, to.top - top + 18];
        const middle = (x1 + x2) / 2;
        const line = document.createElementNS(SVG, "path");
        line.setAttribute("d", `M ${x1} ${y1} C ${middle} ${y1}, ${middle} ${y2}, ${x2} ${y2}`);
        line.setAttribute("class", item.classList.contains("relevant") ? "relevant" : "");
        line.dataset.doc = doc;
        this.lines.append(line);
      }
    });
  }

  point(event) {
    this.show(event.target.closest?.("li[data-doc]")?.dataset.doc ?? null);
  }

  // Mark a document wherever it stands.
  show(doc) {
    for (const part of this.grid.querySelectorAll("[data-doc]")) {
      const others = part.tagName === "path" || this.grid.querySelectorAll("li[data-doc]").length > 1;
      part.classList.toggle("same", others && part.dataset.doc === doc);
    }
  }
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Parts of a text, [text, whether the query has it], as nodes.
function marked(parts) {
  return parts.map(([text, match]) => (match ? element("mark", "", text) : document.createTextNode(text)));
}
