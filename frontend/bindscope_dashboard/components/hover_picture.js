// Shows the picture of the scene under the pointer beside a Plotly figure, which can only show text itself.
const SVG = "http://www.w3.org/2000/svg";
const LOOK_MS = 400;

function drawn(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function picture(scene, data) {
  const svg = drawn("svg", { viewBox: "0 0 1 1", width: data.pixels, height: data.pixels });
  svg.append(drawn("rect", { width: 1, height: 1, fill: data.background }));
  scene.forEach((values, slot) => {
    const [x, y, size] = data.slots[slot];
    const transform = `translate(${x} ${y}) scale(${size})`;
    const fill = data.colors[values[data.color]];
    svg.append(drawn("path", { d: data.shapes[values[data.shape]], fill, transform, "fill-rule": "evenodd" }));
  });
  return svg;
}

export default function ({ data, parentElement }) {
  const box = parentElement.querySelector(".hover-picture");
  let plot = null;
  const hide = () => {
    box.style.display = "none";
  };
  const show = (event) => {
    const row = event.points[0].customdata;
    const scene = data.scenes[Array.isArray(row) ? row[0] : row];
    if (!scene) return hide();
    box.replaceChildren(picture(scene, data));
    const right = event.event.clientX + 24;
    const left = right + data.pixels > window.innerWidth ? right - data.pixels - 48 : right;
    box.style.left = `${left}px`;
    box.style.top = `${Math.max(8, event.event.clientY - data.pixels - 24)}px`;
    box.style.display = "block";
  };
  const leave = () => {
    plot?.removeListener?.("plotly_hover", show);
    plot?.removeListener?.("plotly_unhover", hide);
  };
  const look = () => {
    const found = document.querySelector(`${data.inside} .js-plotly-plot`);
    if (!found?.on || found === plot) return;
    leave();
    plot = found;
    plot.on("plotly_hover", show);
    plot.on("plotly_unhover", hide);
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    leave();
    hide();
  };
}
