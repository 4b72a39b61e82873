"use strict";
// Tooltips, training curves and the map of latents. Everything on the page can be read without this script.
const tip = document.querySelector(".tip");
let shownAt = 0;

function showTip(content, x, y) {
  if (typeof content === "string") tip.textContent = content;
  else tip.replaceChildren(content);
  tip.hidden = false;
  shownAt = scrollY;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - box.width - 8)) + "px";
  tip.style.top = (y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 12) : y + 18) + "px";
}
const hideTip = () => { tip.hidden = true; };

document.addEventListener("pointermove", (e) => {
  const target = e.target.closest?.("[data-tip]");
  if (target) showTip(target.dataset.tip, e.clientX, e.clientY);
  else if (!e.target.closest?.(".tracks, .curve")) hideTip();
});
document.addEventListener("pointerleave", hideTip);
addEventListener("scroll", () => { if (Math.abs(scrollY - shownAt) > 4) hideTip(); }, { passive: true });

for (const svg of document.querySelectorAll("svg.curve")) {
  const points = svg.dataset.curve.split(";").map((p) => p.split(",").map(Number));
  const cross = svg.querySelector(".cross");
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  svg.addEventListener("pointermove", (e) => {
    const box = svg.getBoundingClientRect();
    const step = first + Math.min(1, Math.max(0, (e.clientX - box.left) / box.width)) * (last - first);
    const near = points.reduce((a, b) => (Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a));
    const x = last > first ? ((near[0] - first) / (last - first)) * svg.viewBox.baseVal.width : 0;
    cross.setAttribute("x1", x);
    cross.setAttribute("x2", x);
    cross.removeAttribute("hidden");
    showTip(`step ${near[0].toLocaleString("en")}: ${near[1]}`, e.clientX, e.clientY);
  });
  svg.addEventListener("pointerleave", () => { cross.setAttribute("hidden", ""); hideTip(); });
}

const map = document.querySelector("svg.map");
if (map) {
  const dots = [...map.querySelectorAll("circle")];
  const places = map.dataset.places.split(";").map((p) => p.split(" ").map((xy) => xy.split(",")));
  const methods = [...document.querySelectorAll("[data-method]")];
  for (const button of methods) {
    button.addEventListener("click", () => {
      methods.forEach((b) => b.setAttribute("aria-pressed", b === button));
      const place = places[button.dataset.method];
      dots.forEach((dot, i) => { dot.style.transform = `translate(${place[i][0]}px,${place[i][1]}px)`; });
    });
  }
  const keys = [...document.querySelectorAll("[data-only]")];
  for (const key of keys) {
    key.addEventListener("click", () => {
      key.setAttribute("aria-pressed", key.getAttribute("aria-pressed") !== "true");
      const on = new Set(keys.filter((k) => k.getAttribute("aria-pressed") === "true").map((k) => k.dataset.only));
      map.classList.toggle("some", on.size > 0);
      dots.forEach((dot) => dot.classList.toggle("on", on.has(dot.dataset.k)));
    });
  }
}
