"use strict";
// The skeleton on its canvas: an orbiting camera that follows the figure, floor, shadow, trails.
const rgb = (hex) => { const h = hex.trim().slice(1); return [0, 1, 2].map((i) => parseInt(h.length === 3 ? h[i] + h[i] : h.slice(2 * i, 2 * i + 2), 16)); };
const blend = (from, to, share) => `rgb(${from.map((v, i) => Math.round(v + (to[i] - v) * share)).join(",")})`;

class Scene {
  constructor(canvas, figure, redraw) {
    Object.assign(this, { canvas, figure, redraw, yaw: 0.45, pitch: 0.16, trails: true });
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => redraw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
    this.pointers();
  }

  load(replay) {
    this.r = replay;
    [this.frames, this.people, this.joints, this.axes] = replay.shape;
    this.flat = this.axes === 2;
    const bytes = Uint8Array.from(atob(replay.frames), (c) => c.charCodeAt(0));
    this.q = new Int16Array(bytes.buffer);
    this.measure();
  }

  // Position of a joint between two frames, or null where the person is not there.
  at(frame, person, joint) {
    const i = Math.min(Math.floor(frame), this.frames - 1), share = frame - i;
    const a = ((i * this.people + person) * this.joints + joint) * this.axes;
    if (this.q[a] === -32768) return null;
    const next = a + this.people * this.joints * this.axes;
    const blend = share > 0 && i + 1 < this.frames && this.q[next] !== -32768 ? share : 0;
    const out = [0, 0, 0];
    for (let c = 0; c < this.axes; c++) {
      const value = blend ? this.q[a + c] * (1 - blend) + this.q[next + c] * blend : this.q[a + c];
      out[c] = this.r.offset[c] + this.r.scale * value;
    }
    return out;
  }

  // The floor, the reach of a figure from its middle, and the smoothed path of all middles, which the camera follows.
  measure() {
    const lows = [], spans = [], path = [];
    const mean = (points) => [0, 1, 2].map((c) => points.reduce((s, p) => s + p[c], 0) / points.length);
    let last = [0, 0, 0];
    for (let f = 0; f < this.frames; f++) {
      const middles = [];
      for (let m = 0; m < this.people; m++) {
        const body = [];
        for (let v = 0; v < this.joints; v++) body.push(this.at(f, m, v));
        if (!body[0]) continue;
        const middle = mean(body);
        middles.push(middle);
        lows.push(Math.min(...body.map((p) => p[1])));
        spans.push(Math.max(...body.map((p) => Math.hypot(p[0] - middle[0], p[1] - middle[1], p[2] - middle[2]))));
      }
      if (middles.length) last = mean(middles);
      path.push(last);
    }
    const rank = (list, share) => list.sort((a, b) => a - b)[Math.floor(share * (list.length - 1))] ?? 0;
    this.floor = rank(lows, 0.05);
    this.size = rank(spans, 0.95) || 1;
    const reach = Math.round(0.6 * this.r.fps);
    const sums = [[0, 0, 0]];
    path.forEach((p) => { const s = sums[sums.length - 1]; sums.push([s[0] + p[0], s[1] + p[1], s[2] + p[2]]); });
    this.path = path.map((_, f) => {
      const a = Math.max(0, f - reach), b = Math.min(path.length, f + reach + 1);
      return [0, 1, 2].map((c) => (sums[b][c] - sums[a][c]) / (b - a));
    });
  }

  project(p) {
    const [x, y, z] = [p[0] - this.target[0], p[1] - this.target[1], p[2] - this.target[2]];
    if (this.flat) return [this.cx - x * this.scale, this.cy - y * this.scale, 0, 1];
    const a = x * this.cos - z * this.sin, b = x * this.sin + z * this.cos;
    const up = y * this.cosp + b * this.sinp, deep = b * this.cosp - y * this.sinp;
    const s = this.eye / Math.max(this.eye + deep, 0.1 * this.eye);
    return [this.cx - a * this.scale * s, this.cy - up * this.scale * s, deep, s];
  }

  draw(time) {
    const { canvas, context: g, figure } = this;
    const dense = Math.min(devicePixelRatio || 1, 2), w = canvas.clientWidth, h = canvas.clientHeight;
    if (!w || !this.r) return;
    if (canvas.width !== Math.round(w * dense) || canvas.height !== Math.round(h * dense)) {
      canvas.width = Math.round(w * dense);
      canvas.height = Math.round(h * dense);
    }
    g.setTransform(dense, 0, 0, dense, 0, 0);
    g.clearRect(0, 0, w, h);
    const style = getComputedStyle(canvas), color = (name) => rgb(style.getPropertyValue(name));
    const ink = [color("--left"), color("--ink"), color("--right")], paper = color("--stage"), frame = Math.min(time * this.r.fps, this.frames - 1);
    const spot = this.path[Math.round(frame)];
    Object.assign(this, {
      cx: w / 2, cy: h * (this.flat ? 0.5 : 0.52), scale: (Math.min(h, w * 1.3) * 0.37) / this.size, eye: 7 * this.size,
      cos: Math.cos(this.yaw), sin: Math.sin(this.yaw), cosp: Math.cos(this.pitch), sinp: Math.sin(this.pitch),
      target: this.flat ? spot : [spot[0], this.floor + 0.95 * this.size, spot[2]],
    });
    g.lineCap = g.lineJoin = "round";
    if (!this.flat) this.ground(g, color("--floor"));
    const width = this.scale * this.size * 0.075;
    for (let m = 0; m < this.people; m++) {
      const joints = [];
      for (let v = 0; v < this.joints; v++) joints.push(this.at(frame, m, v));
      if (!joints[0]) continue;
      if (!this.flat) this.shadow(g, joints, width);
      if (this.trails) this.trail(g, frame, m, ink, width);
      const seen = joints.map((p) => this.project(p));
      const limbs = figure.bones.map(([a, b]) => [(seen[a][2] + seen[b][2]) / 2, a, b]).sort((p, q) => q[0] - p[0]);
      for (const [deep, a, b] of limbs) {
        const near = Math.max(0.45, Math.min(1, 0.88 - (0.35 * deep) / this.size)) * (m ? 0.7 : 1);
        g.strokeStyle = blend(paper, ink[1 + (figure.side[a] || figure.side[b])], near);
        g.lineWidth = width * (seen[a][3] + seen[b][3]) / 2;
        g.beginPath();
        g.moveTo(seen[a][0], seen[a][1]);
        g.lineTo(seen[b][0], seen[b][1]);
        g.stroke();
      }
      if (figure.head >= 0) {
        const [x, y, , s] = seen[figure.head];
        g.fillStyle = blend(paper, ink[1], m ? 0.65 : 0.95);
        g.beginPath();
        g.arc(x, y, width * 1.4 * s, 0, 7);
        g.fill();
      }
    }
  }

  ground(g, color) {
    const step = this.size > 20 ? 10 ** Math.floor(Math.log10(this.size)) / 2 : 0.5, reach = 6;
    const [x0, z0] = [this.target[0], this.target[2]].map((v) => Math.round(v / step) * step);
    g.strokeStyle = blend(color, color, 1);
    g.lineWidth = 1;
    for (let i = -reach; i <= reach; i++) {
      for (const along of [0, 1]) {
        for (let j = -reach; j < reach; j++) {
          const ends = [j, j + 1].map((k) => {
            const [x, z] = along ? [x0 + k * step, z0 + i * step] : [x0 + i * step, z0 + k * step];
            return [x, this.floor, z];
          });
          const far = Math.hypot(ends[0][0] - this.target[0], ends[0][2] - this.target[2]) / (reach * step);
          if (far >= 1) continue;
          g.globalAlpha = (1 - far) ** 1.3;
          const [a, b] = ends.map((p) => this.project(p));
          g.beginPath();
          g.moveTo(a[0], a[1]);
          g.lineTo(b[0], b[1]);
          g.stroke();
        }
      }
    }
    g.globalAlpha = 1;
  }

  // Drawn far outside the canvas; only its blurred shadow falls inside.
  shadow(g, joints, width) {
    const floor = joints.map((v) => this.project([v[0], this.floor, v[2]])), away = 10000, dense = g.getTransform().a;
    g.save();
    Object.assign(g, { shadowColor: "rgba(0,0,0,.28)", shadowBlur: width * dense, shadowOffsetX: away * dense, lineWidth: width * 1.2 });
    g.beginPath();
    for (const [a, b] of this.figure.bones) {
      g.moveTo(floor[a][0] - away, floor[a][1]);
      g.lineTo(floor[b][0] - away, floor[b][1]);
    }
    g.stroke();
    g.restore();
  }

  trail(g, frame, person, ink, width) {
    const steps = 24, back = (0.8 * this.r.fps) / steps;
    g.lineCap = "butt";
    for (const joint of this.figure.trails) {
      g.strokeStyle = blend(ink[1], ink[1 + this.figure.side[joint]], 1);
      let before = null;
      for (let i = steps; i >= 0; i--) {
        const p = frame - i * back >= 0 ? this.at(frame - i * back, person, joint) : null;
        const now = p && this.project(p);
        if (now && before) {
          g.globalAlpha = 0.3 * (1 - i / steps) ** 1.5;
          g.lineWidth = width * 0.8 * (1 - (0.7 * i) / steps);
          g.beginPath();
          g.moveTo(before[0], before[1]);
          g.lineTo(now[0], now[1]);
          g.stroke();
        }
        before = now;
      }
    }
    g.globalAlpha = 1;
    g.lineCap = "round";
  }

  turn(yaw, pitch) {
    if (this.flat) return;
    this.yaw = yaw;
    this.pitch = Math.max(-0.3, Math.min(1.5, pitch));
    this.redraw();
  }

  pointers() {
    const { canvas } = this;
    let held = null;
    canvas.addEventListener("pointerdown", (e) => {
      held = [e.clientX, e.clientY, this.yaw, this.pitch];
      canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener("pointermove", (e) => {
      if (held) this.turn(held[2] - (e.clientX - held[0]) * 0.01, held[3] + (e.clientY - held[1]) * 0.008);
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { held = null; });
    canvas.addEventListener("keydown", (e) => {
      const way = { ArrowLeft: [0.15, 0], ArrowRight: [-0.15, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[e.key];
      if (!way || this.flat || e.shiftKey) return;
      this.turn(this.yaw + way[0], this.pitch + way[1]);
      e.preventDefault();
      e.stopPropagation();
    });
  }
}
