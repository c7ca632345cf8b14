"use strict";
// The page reads the same without this. It adds a cross-hair to charts, the choice of a
// time in panels, series that can be hidden, and keeps the view in the address.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, name, parent, text = "") => {
    const e = document.createElement(tag);
    e.className = name;
    e.textContent = text;
    if (parent) parent.append(e);
    return e;
  };
  const clamp = (v, lo, hi) => Math.min(hi, Math.max(lo, v));
  const data = (id) => {
    const e = document.getElementById(id);
    return e && JSON.parse(e.textContent);
  };

  // Numbers, as the page prints them.
  const integer = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
  const short = (v) => v === 0 ? "0" : v >= 99.95 ? integer(Math.round(v)) : v.toFixed(v >= 9.995 ? 1 : 2);
  const micros = (ns) => ns === Infinity ? "> timeout" : short(ns / 1e3) + "\u00a0µs";

  // The view: what is kept in the address, as #v;b.PANEL=3-9;h.PANEL=p99,max;d=4,7
  const view = { brush: {}, hidden: {}, details: new Set() };
  const folds = all("details");
  const unfolded = folds.map((d) => d.open);
  const write = () => {
    const parts = [];
    for (const id of Object.keys(view.brush).sort()) parts.push(`b.${id}=${view.brush[id].join("-")}`);
    for (const id of Object.keys(view.hidden).sort()) if (view.hidden[id].size) parts.push(`h.${id}=${[...view.hidden[id]].sort().join(",")}`);
    if (view.details.size) parts.push("d=" + [...view.details].sort((a, b) => a - b).join(","));
    const now = location.hash.startsWith("#v;") ? location.hash : "";
    const next = parts.length ? "#v;" + parts.join(";") : "";
    if (next !== now) history.replaceState(null, "", next || location.pathname + location.search);
  };
  const read = () => {
    const out = { brush: {}, hidden: {}, details: [] };
    if (!location.hash.startsWith("#v;")) return out;
    for (const part of location.hash.slice(3).split(";")) {
      const [key, value = ""] = part.split("=");
      const id = key.slice(2);
      if (key === "d") out.details = value.split(",").map(Number);
      else if (key.startsWith("b.")) out.brush[id] = value.split("-").map(Number);
      else if (key.startsWith("h.")) out.hidden[id] = value.split(",");
    }
    return out;
  };

  // cross lays a cross-hair over box: stops 0..n-1 at x(i) percent of its width, which
  // say(i) puts into words. With part, a range of stops can be chosen.
  const cross = (box, { n, x, name, title, say, part, bare }) => {
    const over = make("div", bare ? "over bare" : "over", box);
    const chosen = make("div", "part", over);
    const line = make("div", "at", over);
    let at = -1, from = -1;
    over.tabIndex = 0;
    over.setAttribute("role", "slider");
    over.setAttribute("aria-label", name);
    over.setAttribute("aria-valuemin", 0);
    over.setAttribute("aria-valuemax", n - 1);
    over.setAttribute("aria-valuenow", 0);
    over.setAttribute("aria-valuetext", title(0));
    const go = (i) => {
      at = clamp(i, 0, n - 1);
      over.classList.add("on");
      line.style.left = x(at) + "%";
      over.setAttribute("aria-valuenow", at);
      over.setAttribute("aria-valuetext", title(at));
      say(at);
    };
    const leave = () => {
      over.classList.remove("on");
      say(-1);
    };
    const shade = (range) => {
      over.classList.toggle("parted", !!range);
      if (!range) return;
      const half = n > 1 ? (x(1) - x(0)) / 2 : 50;
      chosen.style.left = x(range[0]) - half + "%";
      chosen.style.width = x(range[1]) - x(range[0]) + 2 * half + "%";
    };
    const nearest = (event) => {
      const r = over.getBoundingClientRect();
      const want = 100 * (event.clientX - r.left) / r.width;
      let lo = 0, hi = n - 1;
      while (hi - lo > 1) {
        const mid = (lo + hi) >> 1;
        if (x(mid) < want) lo = mid; else hi = mid;
      }
      return want - x(lo) < x(hi) - want ? lo : hi;
    };
    const stretch = () => part([Math.min(from, at), Math.max(from, at)]);
    let down = -1;
    over.addEventListener("pointermove", (e) => {
      go(nearest(e));
      if (down >= 0 && at !== down) {
        from = down;
        stretch();
      }
    });
    over.addEventListener("pointerleave", () => { if (down < 0 && document.activeElement !== over) leave(); });
    if (part) {
      over.addEventListener("pointerdown", (e) => {
        if (e.button !== 0) return;
        down = nearest(e);
        over.setPointerCapture(e.pointerId);
      });
      over.addEventListener("pointerup", () => {
        if (down >= 0 && at === down) part(null);
        down = -1;
      });
      over.addEventListener("pointercancel", () => { down = -1; });
    }
    over.addEventListener("focus", () => go(Math.max(at, 0)));
    over.addEventListener("blur", leave);
    over.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -n, End: n }[e.key];
      if (e.key === "Escape" && part) {
        from = -1;
        part(null);
      } else if (step) {
        e.preventDefault();
        const before = Math.max(at, 0);
        go(before + step);
        if (!e.shiftKey || !part) {
          from = -1;
          return;
        }
        if (from < 0) from = before;
        stretch();
      }
    });
    return { shade };
  };

  // live is a line that is read out when it changes.
  const live = (name, after) => {
    const e = make("p", name, null);
    e.setAttribute("aria-live", "polite");
    after.after(e);
    return e;
  };
  const tell = (into, title, pairs) => {
    into.textContent = "";
    if (title === "") return;
    make("b", "", into, title);
    for (const [name, value] of pairs) {
      const s = make("span", "", into);
      make("i", "", s, name + " ");
      s.append(value);
      into.append(" ");
    }
  };

  // Latencies in buckets of 1/2^digits of a power of two, as counts in base 36; a
  // negative number is a run of empty ones.
  const top = (bucket, digits) => {
    if (bucket < 2 << digits) return bucket;
    const shift = (bucket >> digits) - 1;
    return ((bucket & ((1 << digits) - 1)) + (1 << digits) + 1) * 2 ** shift - 1;
  };
  const bottom = (bucket, digits) => bucket < 2 << digits ? bucket : top(bucket - 1, digits) + 1;
  const sum = (d, [from, to]) => {
    const out = { counts: [], ok: 0, bad: d.classes.map(() => 0), max: 0 };
    for (let i = from; i <= to; i++) {
      let bucket = 0;
      for (const token of d.slots[i] ? d.slots[i].split(" ") : []) {
        const v = parseInt(token, 36);
        if (v < 0) {
          bucket -= v;
          continue;
        }
        out.counts[bucket] = (out.counts[bucket] || 0) + v;
        out.ok += v;
        bucket++;
      }
      out.max = Math.max(out.max, d.max[i]);
      d.bad[i].forEach((n, k) => { out.bad[k] += n; });
    }
    out.n = out.bad.reduce((a, b) => a + b, out.ok);
    return out;
  };
  // quantiles of all arrivals, what did not end ok being slower than every ok; for
  // ascending shares.
  const quantiles = (s, digits, shares) => {
    const out = [];
    let seen = 0, bucket = -1;
    for (const q of shares) {
      const rank = Math.max(1, Math.ceil(q * s.n - 1e-9));
      if (!s.n || rank > s.ok) {
        out.push(Infinity);
        continue;
      }
      while (seen < rank) seen += s.counts[++bucket] || 0;
      out.push(Math.min(top(bucket, digits), s.max));
    }
    return out;
  };
  const nines = (q) => -Math.log10(1 - q);
  const supported = (n) => nines(Math.pow(0.025, 1 / Math.max(n, 1)));
  const log = (v, [lo, hi]) => clamp(Math.log(v / lo) / Math.log(hi / lo), 0, 1);
  const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${(1000 * x).toFixed(1)} ${(1000 * y).toFixed(1)}`).join("");

  const drawCurve = (figure, d, s) => {
    const solid = [], dashed = [];
    const shares = [];
    for (let n = 0; n <= d.deepest + d.step / 2; n += d.step) shares.push(n);
    const limit = s ? supported(s.n) : 0;
    const values = s ? quantiles(s, d.digits, shares.map((n) => 1 - 10 ** -n)) : [];
    const end = s && s.n > 1 ? nines(1 - 1 / s.n) + d.step / 2 : 0;
    values.forEach((v, i) => {
      if (v === Infinity || shares[i] > end) return;
      const point = [shares[i] / d.deepest, 1 - log(v, d.y)];
      if (shares[i] <= limit) {
        solid.push(point);
        dashed[0] = point;
      } else dashed.push(point);
    });
    const [a, b] = all(".tpcurve .s-part", figure);
    a.setAttribute("d", path(solid));
    b.setAttribute("d", dashed.length > 1 ? path(dashed) : "");
  };
  const drawHistogram = (figure, d, s) => {
    const into = figure.querySelector(".tphist .s-part");
    const bars = new Array(d.bins).fill(0);
    if (s) {
      s.counts.forEach((n, bucket) => {
        const mid = (bottom(bucket, d.digits) + top(bucket, d.digits)) / 2;
        if (mid >= d.x[0] && mid <= d.x[1]) bars[Math.min(d.bins - 1, Math.floor(log(mid, d.x) * d.bins))] += n;
      });
    }
    const most = Math.max(...bars);
    const points = [];
    if (most > 0) bars.forEach((n, i) => points.push([i / d.bins, 1 - 0.96 * n / most], [(i + 1) / d.bins, 1 - 0.96 * n / most]));
    into.setAttribute("d", path(points));
  };

  const panels = {};
  for (const figure of all("figure.tp")) {
    const id = figure.id;
    const box = figure.querySelector(".tpbox");
    const table = figure.querySelector(".tptable");
    const heads = [...table.tHead.rows[0].cells].map((c) => c.textContent);
    const rows = table.tBodies[0].rows;
    const n = Number(figure.dataset.slots);
    const title = (i) => rows[i].cells[0].textContent.trim();
    const readout = live("read", box);
    const opts = {
      n, title, x: (i) => 100 * (i + 0.5) / n,
      name: figure.querySelector("h3").textContent.trim() + ", moment",
      say: (i) => tell(readout, i < 0 ? "" : title(i), i < 0 ? [] : heads.slice(1).map((h, k) => [h, rows[i].cells[k + 1].textContent.trim()])),
    };
    let d = null, chosen = null;
    if ("brush" in figure.dataset && document.getElementById(id + "-data")) {
      const hint = "Drag, or hold Shift with the arrow keys, to choose a part of the time: the curve and the histogram then show it. A click or Esc: all of it again.";
      chosen = live("chosen none", readout);
      chosen.textContent = hint;
      const names = all(".tptwo .of", figure);
      opts.part = (range) => {
        d = d || data(id + "-data");
        over.shade(range);
        const s = range && sum(d, range);
        drawCurve(figure, d, s);
        drawHistogram(figure, d, s);
        names.forEach((e) => { e.textContent = range ? "of the chosen time; grey: of all of it" : "of all of the time"; });
        chosen.textContent = hint;
        chosen.classList.toggle("none", !range);
        if (range) {
          const [p50, p99, p999] = quantiles(s, d.digits, [0.5, 0.99, 0.999]);
          const q = (v, least) => s.n < least ? "n/a" : micros(v);
          chosen.textContent = `${range[0] === range[1] ? title(range[0]) : `${title(range[0])} to ${title(range[1])}, both steps included`}: ` +
            `${integer(s.n)} arrivals, ${integer(s.ok)} ok` + d.classes.map((c, k) => s.bad[k] ? `, ${integer(s.bad[k])} ${c}` : "").join("") +
            `; p50 ${q(p50, 6)}, p99 ${q(p99, 368)}, p99.9 ${q(p999, 3688)}, slowest ok ${s.ok ? micros(s.max) : "n/a"}.`;
          view.brush[id] = range;
        } else delete view.brush[id];
        write();
      };
    }
    const over = cross(box, opts);
    const show = (key, on) => {
      all(`[data-s="${CSS.escape(key)}"]`, figure).forEach((g) => g.classList.toggle("hidden", !on));
      all(".key", figure).forEach((b) => { if (b.dataset.key === key) b.setAttribute("aria-pressed", on); });
      view.hidden[id] = view.hidden[id] || new Set();
      if (on) view.hidden[id].delete(key); else view.hidden[id].add(key);
    };
    for (const li of all("[data-key]", figure)) {
      const b = make("button", "key", null);
      b.type = "button";
      b.dataset.key = li.dataset.key;
      b.setAttribute("aria-pressed", "true");
      b.append(...li.childNodes);
      li.append(b);
      b.addEventListener("click", () => {
        show(b.dataset.key, b.getAttribute("aria-pressed") === "false");
        write();
      });
    }
    panels[id] = { n, show, part: opts.part };
  }

  // Percentile curves: data-cross names their data.
  for (const pic of all("[data-cross]")) {
    const d = data(pic.dataset.cross);
    if (!d || !d.curves.length) continue;
    pic.classList.add("crossed");
    const readout = live("read", pic.closest(".xy") || pic);
    const title = (i) => {
      const q = 100 * (1 - 10 ** -(i * d.step));
      return "p" + q.toFixed(clamp(Math.ceil(i * d.step) - 1, 0, 6));
    };
    const value = (c, i) => {
      if (!(c.v[i] > 0)) return "n/a";
      return (i * d.step > c.supported ? "~ " : "") + micros(c.v[i]);
    };
    cross(pic, {
      n: Math.max(...d.curves.map((c) => c.v.length)), bare: true, title,
      x: (i) => Math.min(100, 100 * i * d.step / d.deepest),
      name: "Percentile",
      say: (i) => tell(readout, i < 0 ? "" : title(i), i < 0 ? [] : d.curves.map((c) => [c.name, value(c, i)])),
    });
  }

  const restore = () => {
    const v = read();
    folds.forEach((d, i) => { d.open = unfolded[i] !== v.details.includes(i); });
    for (const [id, p] of Object.entries(panels)) {
      const range = v.brush[id];
      if (p.part && range && range.length === 2 && range.every((i) => Number.isInteger(i) && i >= 0 && i < p.n)) p.part([Math.min(...range), Math.max(...range)]);
      for (const key of v.hidden[id] || []) p.show(key, false);
    }
  };
  // An address that names a folded part unfolds it.
  const unfold = () => {
    if (location.hash.startsWith("#v;") || location.hash.length < 2) return;
    const target = document.getElementById(location.hash.slice(1));
    for (let d = target; d; d = d.parentElement) if (d.tagName === "DETAILS") d.open = true;
    if (target) {
      const own = target.querySelector("details.fold");
      if (own) own.open = true;
      target.scrollIntoView();
    }
  };
  restore();
  unfold();
  addEventListener("hashchange", unfold);
  folds.forEach((d, i) => d.addEventListener("toggle", () => {
    if (d.open === unfolded[i]) view.details.delete(i); else view.details.add(i);
    write();
  }));
})();
