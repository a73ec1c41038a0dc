"use strict";
(() => {
  const data = JSON.parse(document.getElementById("episode").textContent);
  const { record, frames, colours } = data;
  const $ = (name) => document.querySelector(`[data-player="${name}"]`);
  const slider = $("slider"), play = $("play"), canvas = $("canvas");
  const count = record.rows.length;
  const images = frames.map((source) => Object.assign(new Image(), { src: source }));
  let step = 0, timer = null;

  const number = (value) => {
    if (value === null || value === undefined) return "\u2013";
    const text = Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-4)
      ? value.toPrecision(3) : String(Number(value.toPrecision(4)));
    return text.replace(/-/g, "\u2212");
  };
  const element = (name, cls, text) => {
    const made = document.createElement(name);
    if (cls) made.className = cls;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const bars = (target, rows) => {
    const size = Math.max(...rows.map((row) => Math.abs(row.value) || 0), 1e-12);
    target.replaceChildren(...rows.map((row) => {
      const line = element("div", "bar" + (row.marked ? " marked" : ""));
      const track = element("span", "track"), fill = element("span", "fill");
      const share = 50 * Math.abs(row.value || 0) / size;
      fill.style.width = `${share}%`;
      fill.style.left = row.value < 0 ? `${50 - share}%` : "50%";
      track.append(fill);
      line.append(element("span", "name", row.name), track, element("span", "value", number(row.value)));
      return line;
    }));
  };
  const draw = () => {
    if (!canvas || !images[step].complete) return;
    const pen = canvas.getContext("2d"), zoom = canvas.width / record.width;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(images[step], 0, 0, canvas.width, canvas.height);
    pen.lineWidth = 2;
    pen.font = "600 13px sans-serif";
    for (const [type, name, left, top, width, height] of record.boxes[step]) {
      pen.strokeStyle = pen.fillStyle = colours[type % colours.length];
      pen.strokeRect(left * zoom - 2, top * zoom - 2, width * zoom + 4, height * zoom + 4);
      const at = Math.min(left * zoom, canvas.width - pen.measureText(name).width - 2);
      pen.fillText(name, at, Math.max(12, top * zoom - 6));
    }
  };
  const says = () => {
    const chosen = record.chosen[step], second = record.second[step];
    if (chosen === null) return record.actions.map((a, i) => `${a} = ${number(record.moves[step][i])}`).join(", ");
    return second < 0 ? `plays ${record.actions[chosen]}`
      : `plays ${record.actions[chosen]}, ahead of ${record.actions[second]}`;
  };
  const show = (wanted) => {
    step = Math.max(0, Math.min(count - 1, wanted));
    slider.value = step;
    $("step").textContent = `step ${step + 1} of ${count}`;
    $("action").textContent = says();
    bars($("values"), record.actions.map((name, i) => (
      { name, value: record.values[step][i], marked: i === record.chosen[step] })));
    bars($("why"), record.why[step].map(([term, value], i) => (
      { name: record.terms[term], value, marked: i === 0 })));
    $("row").replaceChildren(...record.features.map((name, i) => {
      const line = element("div");
      line.append(element("code", "", name), element("span", "value", number(record.rows[step][i])));
      return line;
    }));
    draw();
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "\u25b6 play"; };
  const start = () => {
    if (step >= count - 1) show(0);
    play.textContent = "\u275a\u275a pause";
    timer = setInterval(() => { if (step >= count - 1) stop(); else show(step + 1); }, 67);
  };
  slider.max = count - 1;
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  play.addEventListener("click", () => (timer === null ? start() : stop()));
  $("back").addEventListener("click", () => { stop(); show(step - 1); });
  $("forth").addEventListener("click", () => { stop(); show(step + 1); });
  images.forEach((image, i) => image.addEventListener("load", () => { if (i === step) draw(); }));
  const hash = () => { const found = /step=(\d+)/.exec(location.hash); return found ? Number(found[1]) - 1 : null; };
  window.addEventListener("hashchange", () => { if (hash() !== null) { stop(); show(hash()); } });
  show(hash() ?? data.first);
})();
