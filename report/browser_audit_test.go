package report

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// auditScript looks at the page as it stands for what a reader with a keyboard, a screen
// reader or weak eyes needs, and returns what is wrong. The rules are those of WCAG 2.2:
// names, roles, structure, contrast, focus.
const auditScript = `(() => {
	const wrong = [];
	const all = (s, r = document) => [...r.querySelectorAll(s)];
	const what = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.getAttribute("class") ? "." + e.getAttribute("class").split(" ").join(".") : "") + " '" + e.textContent.trim().slice(0, 30) + "'";
	const visible = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0;
	const name = (e) => (e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") || "").split(" ").map((i) => i && document.getElementById(i)?.textContent || "").join(" ") || e.getAttribute("title") || e.textContent || "").trim();

	// Structure.
	if (!document.documentElement.lang) wrong.push("the page has no language");
	if (!document.title.trim()) wrong.push("the page has no title");
	if (all("main").length !== 1) wrong.push(all("main").length + " main landmarks");
	if (all("h1").length !== 1) wrong.push(all("h1").length + " h1");
	let level = 0;
	for (const h of all("h1,h2,h3,h4,h5,h6")) {
		const now = Number(h.tagName[1]);
		if (now > level + 1) wrong.push("heading level " + level + " is followed by " + what(h));
		if (!h.textContent.trim()) wrong.push("an empty heading: " + what(h));
		level = now;
	}
	for (const e of all("body *")) {
		if (!visible(e) || e.closest("main,header,nav,footer,svg.defs") || !e.textContent.trim() || /^(SCRIPT|STYLE)$/.test(e.tagName)) continue;
		wrong.push("outside of all landmarks: " + what(e));
	}
	for (const s of all("section, nav, [role=region]")) {
		if (s.tagName !== "SECTION" && !name(s)) wrong.push("a landmark without a name: " + what(s));
	}
	const ids = new Map();
	for (const e of all("[id]")) ids.set(e.id, (ids.get(e.id) || 0) + 1);
	for (const [id, n] of ids) if (n > 1) wrong.push(n + " elements have the id " + id);
	for (const e of all("[aria-labelledby],[aria-describedby],[aria-controls]")) {
		for (const a of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
			for (const id of (e.getAttribute(a) || "").split(" ")) if (id && !ids.has(id)) wrong.push(a + " names nothing: " + id);
		}
	}
	for (const u of all("use")) if (!ids.has((u.getAttribute("href") || "").slice(1))) wrong.push("a marker that is not there: " + u.getAttribute("href"));
	for (const a of all('a[href^="#"]')) if (!ids.has(a.getAttribute("href").slice(1))) wrong.push("a link to nowhere: " + a.getAttribute("href"));

	// Pictures.
	for (const s of all("svg")) {
		const hidden = s.closest("[aria-hidden=true]"), outer = s.parentElement.closest("svg");
		if (hidden || outer) continue;
		if (s.getAttribute("role") !== "img") wrong.push("a picture that is neither img nor hidden: " + what(s));
		else if ((s.getAttribute("aria-label") || "").trim().length < 3) wrong.push("a picture without a name: " + what(s));
	}
	for (const f of all("figure")) {
		if (!f.querySelector("figcaption")?.textContent.trim()) wrong.push("a figure without a sentence: " + what(f));
		if (!f.querySelector("table")) wrong.push("a figure without a table: " + what(f));
	}

	// Tables.
	for (const t of all("table")) {
		if (!all("th", t).length) wrong.push("a table without headers: " + what(t));
		for (const th of all("th", t)) if (!th.getAttribute("scope")) wrong.push("a header without scope: " + what(th));
		if (!t.tHead) for (const r of all("tbody tr", t)) if (r.cells.length && !r.querySelector("th")) { wrong.push("a row without a header: " + what(r)); break; }
	}

	// What can be operated.
	const stops = all("a[href],button,input,select,textarea,summary,[tabindex]").filter(visible);
	for (const e of stops) {
		if (e.tabIndex > 0) wrong.push("a tabindex above 0: " + what(e));
		if (!name(e) && !e.matches("pre")) wrong.push("nameless: " + what(e));
		if (e.hasAttribute("tabindex") && e.tabIndex === 0 && !e.getAttribute("role") && !e.matches("a,button,input,select,textarea,summary,pre,table")) wrong.push("without a role: " + what(e));
		if (e.getAttribute("role") === "slider" && ["aria-valuemin", "aria-valuemax", "aria-valuenow", "aria-valuetext"].some((a) => !e.hasAttribute(a))) wrong.push("a slider without a value: " + what(e));
		const r = e.getBoundingClientRect();
		if (e.matches("button") && (r.width < 24 || r.height < 24)) wrong.push("smaller than 24 px: " + what(e) + " " + r.width + "x" + r.height);
	}
	for (const e of all("*")) if ([...e.attributes].some((a) => a.name.startsWith("on"))) wrong.push("an inline handler: " + what(e));
	for (const e of all(".scroll")) if (visible(e) && e.scrollWidth > e.clientWidth + 1 && e.tabIndex !== 0) wrong.push("scrolls, and not by the keyboard: " + what(e));

	// Contrast.
	const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const known = new Map();
	const colour = (c) => {
		if (!known.has(c)) known.set(c, paint(c));
		return known.get(c);
	};
	const paint = (c) => {
		probe.clearRect(0, 0, 1, 1);
		probe.fillStyle = c;
		probe.fillRect(0, 0, 1, 1);
		const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
		return [r, g, b, a / 255];
	};
	const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
	const grounds = new Map();
	const ground = (e) => {
		if (!grounds.has(e)) grounds.set(e, under(e));
		return grounds.get(e);
	};
	const under = (e) => {
		const layers = [];
		for (let p = e; p; p = p.parentElement) {
			const c = colour(getComputedStyle(p).backgroundColor);
			layers.push(c);
			if (c[3] === 1) break;
		}
		return layers.reverse().reduce((under, top) => over(top, under), colour(getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff"));
	};
	const light = (c) => {
		const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const seen = new Set();
	const held = (e, c, least, kind) => {
		const behind = ground(e);
		const ratio = contrast(over(c, behind), behind);
		const key = kind + (e.getAttribute("class") || e.tagName) + ratio.toFixed(1);
		if (ratio < least - 0.005 && !seen.has(key)) {
			seen.add(key);
			wrong.push(kind + " contrast " + ratio.toFixed(2) + " below " + least + ": " + what(e));
		}
	};
	for (const e of all("body *")) {
		if (!visible(e) || e.closest("[aria-disabled=true]")) continue;
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const s = getComputedStyle(e), inSVG = e.closest("svg");
		const size = parseFloat(s.fontSize), large = size >= 24 || size >= 18.66 && Number(s.fontWeight) >= 700;
		held(inSVG ? inSVG.parentElement : e, colour(inSVG ? s.fill : s.color), large ? 3 : 4.5, "text");
	}
	for (const e of all("svg use, svg path.l")) {
		if (!visible(e) || e.closest("defs") || e.matches(".s-part") && !e.getAttribute("d")) continue;
		const s = getComputedStyle(e);
		const c = s.stroke !== "none" ? s.stroke : s.fill;
		held(e.closest("svg").closest(":not(svg):not(svg *)") || document.body, colour(c), 3, "graphic");
	}
	return wrong;
})()`

// focusScript goes through everything that can have the focus, and returns what does not
// show that it has it.
const focusScript = `(() => {
	const wrong = [];
	const stops = [...document.querySelectorAll("a[href],button,summary,[tabindex='0']")].filter((e) => e.getClientRects().length && e.checkVisibility());
	for (const e of stops.slice(0, 400)) {
		e.focus({ focusVisible: true, preventScroll: true });
		if (document.activeElement !== e) { wrong.push("cannot have the focus: " + e.tagName + " " + (e.className || e.id)); continue; }
		const s = getComputedStyle(e);
		if (s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 1) wrong.push("does not show the focus: " + e.tagName + " ." + e.className);
	}
	document.activeElement?.blur();
	return [...new Set(wrong)];
})()`

// audit holds the page that is open to the rules, in light and in dark, folded and with
// everything unfolded.
func audit(t *testing.T, ctx context.Context) {
	t.Helper()
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		emulateScheme(t, ctx, scheme)
		for _, open := range []bool{false, true} {
			if open {
				evaluate[int](t, ctx, `(document.querySelectorAll("details").forEach((d) => { d.open = true; }), 0)`)
			}
			if wrong := evaluate[[]string](t, ctx, auditScript); len(wrong) > 0 {
				t.Errorf("%s, unfolded %t: %d things are wrong:\n%s", scheme, open, len(wrong), strings.Join(wrong[:min(len(wrong), 25)], "\n"))
			}
		}
	}
	if wrong := evaluate[[]string](t, ctx, focusScript); len(wrong) > 0 {
		t.Errorf("focus: %s", strings.Join(wrong[:min(len(wrong), 15)], "\n"))
	}
	emulateScheme(t, ctx, "light")
}

// emulateScheme is what the reader's system prefers.
func emulateScheme(t *testing.T, ctx context.Context, scheme string) {
	t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
}
