// The scene editor: SVG shapes that are dragged, or moved, resized, recoloured and deleted from the keyboard.
// The document (objects, selection, history) lives here; Python gets each finished edit and sends a new
// `revision` when it replaces the scene. Text is set with textContent only.

const SVG = "http://www.w3.org/2000/svg";
const instances = new WeakMap();
const ACTIONS = ["add", "delete", "undo", "redo", "earlier", "later"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.03;
const SMALL_STEP = 0.005;
const SIZE_STEP = 0.02;
const SEND_AFTER_KEY_MS = 90;
const SEND_WHILE_DRAGGING_MS = 220;

const node = (tag, attributes, ...children) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
};
const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const percent = (share) => `${Math.round(share * 100)}%`;
const tidy = (share) => Math.round(share * 1000) / 1000;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const copy = (objects) => objects.map((o) => ({ ...o, values: { ...o.values } }));
const named = (object) => `${object.values.color} ${object.values.shape}`;

class Editor {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = this.find(".canvas");
    this.revision = null;
    this.objects = [];
    this.selected = 0;
    this.past = [];
    this.future = [];
    this.edit = 0;
    this.shapes = new Map();
    this.nextId = 1;
    for (const action of ACTIONS) this.find(`[data-action="${action}"]`).onclick = () => this[action]();
    this.find(".editor").addEventListener("keydown", (event) => this.historyKey(event));
    const size = this.find(".size input");
    size.oninput = () => this.resize(this.selected, Number(size.value) / 100, { live: true });
    size.onchange = () => this.finish(this.before);
  }

  // ---- data from Python -------------------------------------------------------------------------------------

  update(data, send) {
    this.send = send;
    const space = JSON.stringify([data.colors, data.shapes, data.background, data.limits]);
    if (space !== this.space) {
      this.space = space;
      this.data = data;
      this.buildPickers();
    }
    if (data.revision !== this.revision) {
      const first = this.revision === null;
      if (!first) this.remember(this.objects);
      this.revision = data.revision;
      this.load(data.objects);
      if (first) this.say("Drag a shape to move it.");
      else this.say(`Scene replaced: ${this.objects.map(named).join(", ")}.`);
    }
    this.draw();
  }

  load(objects) {
    this.objects = copy(objects).map((o) => ({ ...o, id: this.nextId++ }));
    this.selected = clamp(this.selected, 0, this.objects.length - 1);
  }

  // ---- geometry: the same rules as the service ----------------------------------------------------------------

  inside(object) {
    const half = object.size / 2;
    const low = Math.ceil(half * 1000 - 1e-6) / 1000;
    const high = Math.floor((1 - half) * 1000 + 1e-6) / 1000;
    return { ...object, x: clamp(tidy(object.x), low, high), y: clamp(tidy(object.y), low, high) };
  }

  obstacle(index, object) {
    return this.objects.find((other, i) => {
      const reach = (object.size + other.size) / 2 - 1e-9;
      return i !== index && Math.abs(object.x - other.x) < reach && Math.abs(object.y - other.y) < reach;
    });
  }

  place(index, x, y) {
    const object = this.objects[index];
    const wanted = this.inside({ ...object, x, y });
    const ways = [wanted, { ...wanted, y: object.y }, { ...wanted, x: object.x }];
    const free = ways.find((way) => !this.obstacle(index, way));
    const blocker = this.obstacle(index, wanted);
    if (free) this.objects[index] = free;
    return { blocker, edge: wanted.x !== tidy(x) || wanted.y !== tidy(y) };
  }

  resize(index, size, { live = false } = {}) {
    const object = this.objects[index];
    if (!object) return;
    this.before ??= copy(this.objects);
    const { minSize, maxSize } = this.data.limits;
    let wanted = this.inside({ ...object, size: tidy(clamp(size, minSize, maxSize)) });
    const asked = wanted.size;
    while (wanted.size > object.size && this.obstacle(index, wanted)) {
      wanted = this.inside({ ...wanted, size: tidy(wanted.size - 0.005) });
    }
    if (!this.obstacle(index, wanted)) this.objects[index] = { ...wanted };
    const now = this.objects[index].size;
    this.say(now < asked - 0.002 ? `Stopped at size ${percent(now)}: it would overlap.` : `${named(object)}: size ${percent(now)}.`);
    this.draw();
    if (!live) this.finishSoon();
  }

  freePlace() {
    for (const size of [0.3, 0.26, 0.22, 0.18, 0.14, 0.11, this.data.limits.minSize]) {
      let best = null;
      for (let x = 0.5 * size; x <= 1 - size / 2 + 1e-9; x += 0.04) {
        for (let y = 0.5 * size; y <= 1 - size / 2 + 1e-9; y += 0.04) {
          const spot = this.inside({ x, y, size });
          if (this.obstacle(-1, { ...spot, size: size + 0.02 })) continue;
          const gap = Math.min(...this.objects.map((o) => Math.hypot(o.x - x, o.y - y)), 9);
          const score = gap - Math.hypot(x - 0.5, y - 0.5) * 0.3;
          if (!best || score > best.score) best = { score, spot };
        }
      }
      if (best) return best.spot;
    }
    return null;
  }

  // ---- edits ------------------------------------------------------------------------------------------------

  remember(objects) {
    this.past.push(copy(objects));
    if (this.past.length > 200) this.past.shift();
    this.future = [];
  }

  finish(before) {
    this.before = undefined;
    clearTimeout(this.timer);
    const changed = before && JSON.stringify(before) !== JSON.stringify(this.objects);
    if (changed) this.remember(before);
    this.draw();
    if (changed) this.tell();
  }

  finishSoon() {
    // A held key makes one step in the history and one message, sent when it rests.
    clearTimeout(this.timer);
    const before = this.before;
    this.timer = setTimeout(() => this.finish(before), SEND_AFTER_KEY_MS);
  }

  settle() {
    if (this.before) this.finish(this.before);
  }

  tell({ live = false } = {}) {
    this.edit += 1;
    const objects = this.objects.map(({ values, x, y, size }) => ({ values, x, y, size }));
    this.send({ revision: this.revision, edit: this.edit, live, objects });
  }

  add() {
    this.settle();
    if (this.objects.length >= this.data.limits.maxObjects) {
      return this.say(`A scene holds at most ${this.data.limits.maxObjects} objects.`);
    }
    const spot = this.freePlace();
    if (!spot) return this.say("No room left: make an object smaller first.");
    const unused = (list, concept) => {
      const used = new Set(this.objects.map((o) => o.values[concept]));
      return (list.find((entry) => !used.has(entry.name)) ?? list[0]).name;
    };
    const values = { color: unused(this.data.colors, "color"), shape: unused(this.data.shapes, "shape") };
    const before = copy(this.objects);
    this.objects.push({ ...spot, values, id: this.nextId++ });
    this.selected = this.objects.length - 1;
    this.say(`Added ${named(this.objects[this.selected])}.`);
    this.finish(before);
    this.focus(this.selected);
  }

  delete() {
    this.settle();
    const gone = this.objects[this.selected];
    if (!gone) return;
    if (this.objects.length === 1) return this.say("A scene keeps at least one object.");
    const before = copy(this.objects);
    this.objects.splice(this.selected, 1);
    this.selected = clamp(this.selected, 0, this.objects.length - 1);
    this.say(`Deleted ${named(gone)}.`);
    this.finish(before);
    this.focus(this.selected);
  }

  undo() {
    this.settle();
    this.travel(this.past, this.future, "Undone.", "Nothing to undo.");
  }

  redo() {
    this.settle();
    this.travel(this.future, this.past, "Redone.", "Nothing to redo.");
  }

  travel(from, to, done, empty) {
    if (!from.length) return this.say(empty);
    to.push(copy(this.objects));
    this.objects = from.pop();
    this.selected = clamp(this.selected, 0, this.objects.length - 1);
    this.say(done);
    this.draw();
    this.tell();
  }

  earlier() {
    this.mention(-1);
  }

  later() {
    this.mention(1);
  }

  mention(step) {
    this.settle();
    const to = this.selected + step;
    if (to < 0 || to >= this.objects.length) return;
    const before = copy(this.objects);
    const [moved] = this.objects.splice(this.selected, 1);
    this.objects.splice(to, 0, moved);
    this.selected = to;
    this.say(`${named(moved)} is now mentioned as number ${to + 1}.`);
    this.finish(before);
  }

  set(concept, value) {
    this.settle();
    const object = this.objects[this.selected];
    if (!object) return;
    const before = copy(this.objects);
    object.values = { ...object.values, [concept]: value };
    this.say(`Object ${this.selected + 1} is now a ${named(object)}.`);
    this.finish(before);
  }

  step(index, dx, dy) {
    this.before ??= copy(this.objects);
    const object = this.objects[index];
    const was = { x: object.x, y: object.y };
    const { blocker } = this.place(index, object.x + dx, object.y + dy);
    const now = this.objects[index];
    const stuck = was.x === now.x && was.y === now.y;
    const why = blocker ? `it would overlap the ${named(blocker)}` : "it is at the edge of the canvas";
    const where = `${percent(now.x)}, ${percent(now.y)}`;
    this.say(stuck ? `Stopped at ${where}: ${why}.` : `${named(now)} at ${where}.`);
    this.draw();
    this.finishSoon();
  }

  // ---- events -----------------------------------------------------------------------------------------------

  historyKey(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    event.stopPropagation();
    if (key === "y" || event.shiftKey) this.redo();
    else this.undo();
  }

  objectKey(event, id) {
    const index = this.objects.findIndex((o) => o.id === id);
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    this.selected = index;
    const object = this.objects[index];
    const arrow = ARROWS[event.key];
    const small = event.shiftKey;
    if (arrow) {
      const step = small ? SMALL_STEP : STEP;
      this.step(index, arrow[0] * step, arrow[1] * step);
    } else if (event.key === "+" || event.key === "=") this.resize(index, object.size + (small ? SMALL_STEP * 2 : SIZE_STEP));
    else if (event.key === "-" || event.key === "_") this.resize(index, object.size - (small ? SMALL_STEP * 2 : SIZE_STEP));
    else if (event.key === "Delete" || event.key === "Backspace") this.delete();
    else if (event.key === "[") this.earlier();
    else if (event.key === "]") this.later();
    else return;
    event.preventDefault();
    // Streamlit has page-wide keys ("c" clears the cache, "r" reruns): ours end here.
    event.stopPropagation();
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  grab(event, id, resizing) {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.settle();
    const index = this.objects.findIndex((o) => o.id === id);
    const object = this.objects[index];
    this.selected = index;
    const part = this.shapes.get(id);
    part.group.focus({ focusVisible: false });
    const before = copy(this.objects);
    const [startX, startY] = this.point(event);
    const offset = [object.x - startX, object.y - startY];
    let blocked = null;
    let sent = performance.now();
    let told = false;
    const move = (moving) => {
      if (moving.pointerId !== event.pointerId) return;
      const [x, y] = this.point(moving);
      if (resizing) {
        const now = this.objects[index];
        this.resize(index, 2 * Math.max(x - now.x, y - now.y), { live: true });
      } else {
        part.group.classList.add("dragging");
        blocked = this.place(index, x + offset[0], y + offset[1]).blocker ?? null;
        part.group.classList.toggle("blocked", Boolean(blocked));
      }
      this.draw();
      if (performance.now() - sent > SEND_WHILE_DRAGGING_MS) {
        sent = performance.now();
        this.tell({ live: true });
        told = true;
      }
    };
    const end = (ending) => {
      if (ending.pointerId !== event.pointerId) return;
      part.group.removeEventListener("pointermove", move);
      part.group.removeEventListener("pointerup", end);
      part.group.removeEventListener("pointercancel", end);
      part.group.classList.remove("dragging", "blocked");
      const now = this.objects[index];
      const where = `${percent(now.x)}, ${percent(now.y)}`;
      if (blocked) this.say(`Objects may not overlap: the ${named(now)} stays at ${where}, beside the ${named(blocked)}.`);
      else if (!resizing) this.say(`${named(now)} at ${where}.`);
      // Back where it started: Python still has to hear that the drag is over.
      if (told && JSON.stringify(before) === JSON.stringify(this.objects)) this.tell();
      this.finish(before);
    };
    part.group.setPointerCapture(event.pointerId);
    part.group.addEventListener("pointermove", move);
    part.group.addEventListener("pointerup", end);
    part.group.addEventListener("pointercancel", end);
    this.draw();
  }

  focus(index) {
    const object = this.objects[index];
    if (object) this.shapes.get(object.id)?.group.focus();
  }

  say(text) {
    this.find(".status").textContent = text.charAt(0).toUpperCase() + text.slice(1);
  }

  // ---- drawing ----------------------------------------------------------------------------------------------

  buildPickers() {
    const { colors, shapes, background, limits } = this.data;
    this.canvas.style.background = background;
    this.find(".keys").textContent =
      "Keys on a shape: arrows move (Shift: small steps), + and − resize, [ and ] change the mention order, Delete removes, Ctrl+Z undoes.";
    const pick = (name, list, face) => {
      const box = this.find(`.${name}s .choices`);
      box.replaceChildren(
        ...list.map((entry) => {
          const label = element("label", "choice");
          const input = element("input");
          input.type = "radio";
          input.name = name;
          input.value = entry.name;
          input.setAttribute("aria-label", entry.name);
          input.onchange = () => this.set(name, entry.name);
          const shown = element("span", "face");
          shown.append(face(entry));
          label.title = entry.name;
          label.append(input, shown);
          return label;
        }),
      );
    };
    pick("color", colors, (entry) => {
      const dot = element("span", "dot");
      dot.style.background = entry.fill;
      return dot;
    });
    pick("shape", shapes, (entry) => {
      const icon = node("svg", { viewBox: "-0.55 -0.55 1.1 1.1", "aria-hidden": "true" });
      icon.append(node("path", { d: entry.path, "fill-rule": "evenodd" }));
      return icon;
    });
    const size = this.find(".size input");
    size.min = limits.minSize * 100;
    size.max = limits.maxSize * 100;
    size.step = 1;
  }

  part(object) {
    let part = this.shapes.get(object.id);
    if (part) return part;
    const group = node("g", { class: "object", tabindex: 0, role: "button" });
    group.setAttribute("aria-roledescription", "movable shape");
    const frame = node("rect", { class: "frame" });
    const shape = node("path", { class: "shape", "fill-rule": "evenodd" });
    const badge = node("circle", { class: "badge", r: 27 });
    const number = node("text", { class: "number" });
    const handle = node("circle", { class: "handle", r: 17 });
    group.append(frame, shape, badge, number, handle);
    group.addEventListener("pointerdown", (event) => this.grab(event, object.id, event.target === handle));
    group.addEventListener("keydown", (event) => this.objectKey(event, object.id));
    group.addEventListener("focus", () => {
      this.selected = this.objects.findIndex((o) => o.id === object.id);
      this.draw();
    });
    part = { group, frame, shape, badge, number, handle };
    this.shapes.set(object.id, part);
    return part;
  }

  draw() {
    const fills = new Map(this.data.colors.map((c) => [c.name, c.fill]));
    const paths = new Map(this.data.shapes.map((s) => [s.name, s.path]));
    const alive = new Set(this.objects.map((o) => o.id));
    for (const [id, part] of this.shapes) {
      if (!alive.has(id)) {
        part.group.remove();
        this.shapes.delete(id);
      }
    }
    this.objects.forEach((object, i) => {
      const part = this.part(object);
      const [x, y, side] = [object.x * 1000, object.y * 1000, object.size * 1000];
      part.shape.setAttribute("d", paths.get(object.values.shape) ?? "");
      part.shape.setAttribute("fill", fills.get(object.values.color) ?? "none");
      part.shape.setAttribute("transform", `translate(${x} ${y}) scale(${side})`);
      for (const [name, value] of Object.entries({ x: x - side / 2, y: y - side / 2, width: side, height: side })) {
        part.frame.setAttribute(name, value);
      }
      const chosen = i === this.selected;
      const many = this.objects.length > 1;
      const [bx, by] = [clamp(x - side / 2, 30, 970), clamp(y - side / 2, 30, 970)];
      part.badge.setAttribute("transform", `translate(${bx} ${by})`);
      part.number.setAttribute("transform", `translate(${bx} ${by})`);
      part.number.textContent = String(i + 1);
      part.badge.style.display = part.number.style.display = chosen && many ? "" : "none";
      part.handle.setAttribute("cx", clamp(x + side / 2, 17, 983));
      part.handle.setAttribute("cy", clamp(y + side / 2, 17, 983));
      part.handle.style.display = chosen ? "" : "none";
      part.group.classList.toggle("selected", chosen);
      part.group.setAttribute("aria-pressed", String(chosen));
      const at = `${percent(object.x)}, ${percent(object.y)}`;
      part.group.setAttribute("aria-label", `${named(object)} at ${at}, ${i + 1} of ${this.objects.length}`);
      if (this.canvas.children[i] !== part.group) this.insert(part.group, i);
    });
    this.drawInspector();
  }

  insert(group, i) {
    // Moving a focused node blurs it: put the focus back, so that arrow keys go on working.
    const focused = this.root.activeElement === group;
    this.canvas.insertBefore(group, this.canvas.children[i] ?? null);
    if (focused) group.focus();
  }

  drawInspector() {
    const object = this.objects[this.selected];
    if (!object) return;
    for (const input of this.root.querySelectorAll(".choice input")) {
      input.checked = object.values[input.name] === input.value;
    }
    const size = this.find(".size input");
    if (Number(size.value) !== Math.round(object.size * 100)) size.value = Math.round(object.size * 100);
    this.find(".size output").textContent = percent(object.size);
    const strip = this.find(".strip");
    while (strip.children.length > this.objects.length) strip.lastChild.remove();
    this.objects.forEach((o, i) => {
      const button = strip.children[i] ?? strip.appendChild(element("button"));
      button.type = "button";
      const text = `${i + 1} ${named(o)}`;
      if (button.textContent !== text) button.textContent = text;
      button.setAttribute("aria-pressed", String(i === this.selected));
      button.onclick = () => {
        this.selected = i;
        this.draw();
      };
    });
    const count = this.objects.length;
    this.enable("delete", count > 1);
    this.enable("add", count < this.data.limits.maxObjects);
    this.enable("undo", this.past.length > 0 || this.before !== undefined);
    this.enable("redo", this.future.length > 0);
    this.enable("earlier", this.selected > 0);
    this.enable("later", this.selected < count - 1);
  }

  enable(action, on) {
    this.find(`[data-action="${action}"]`).disabled = !on;
  }
}

export default function ({ data, parentElement, setStateValue }) {
  if (!instances.has(parentElement)) instances.set(parentElement, new Editor(parentElement));
  instances.get(parentElement).update(data, (scene) => setStateValue("scene", scene));
}
