// What a page of another site can have a browser send to a shop where its user is logged
// in. "forged" says which of it, and where to. Each function returns what the page could
// read of the answer; those that leave the page return nothing, ever.
"use strict";

const away = new Promise(() => {});
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const json = forged.body || "{}";

function form(o) {
	const f = document.createElement("form");
	f.action = o.action ?? forged.change;
	f.method = o.method ?? "POST";
	f.enctype = o.enctype ?? "application/x-www-form-urlencoded";
	f.target = o.target ?? "";
	for (const [name, value] of Object.entries(o.fields ?? {sure: "yes"})) {
		const field = document.createElement("input");
		field.type = "hidden";
		field.name = name;
		field.value = value;
		f.append(field);
	}
	document.body.append(f);
	f.submit();
	return away;
}

function follow(url) {
	const a = document.createElement("a");
	a.href = url;
	document.body.append(a);
	a.click();
	return away;
}

// A form whose body is JSON: text/plain is name=value, and the "=" can be put into a string.
const disguised = {enctype: "text/plain", fields: {[json.slice(0, -1) + (json === "{}" ? '"x":"' : ',"x":"')]: '"}'}};

async function frame(start) {
	const f = document.createElement("iframe");
	f.name = "framed";
	document.body.append(f);
	const loaded = new Promise((resolve) => { f.onload = resolve; });
	start(f);
	await Promise.race([loaded, sleep(1000)]); // an answer without content loads nothing
	try {
		return f.contentDocument.documentElement.innerText;
	} catch {
		return "";
	}
}

function element(tag, url) {
	const e = document.createElement(tag);
	return new Promise((resolve) => {
		e.onload = e.onerror = () => resolve("");
		e.src = url;
		document.body.append(e);
	});
}

function xhr(method, url) {
	return new Promise((resolve, reject) => {
		const x = new XMLHttpRequest();
		x.open(method, url);
		x.withCredentials = true;
		x.onload = () => resolve(x.responseText);
		x.onerror = () => reject(new Error("no answer"));
		x.setRequestHeader("Content-Type", "text/plain");
		x.send(json);
	});
}

const send = (url, o) => fetch(url, {credentials: "include", ...o}).then((r) => r.text());

const attacks = {
	"form": () => form({}),
	"form-json": () => form(disguised),
	"form-frame": () => frame(() => form({target: "framed"})),
	"form-redirected": () => form({action: "/redirect?to=" + encodeURIComponent(forged.change)}),
	"form-override": () => form({method: "GET", fields: {_method: forged.method}}),
	"fetch-opaque": () => send(forged.change, {method: "POST", mode: "no-cors", body: json}),
	"fetch-plain": () => send(forged.change, {method: "POST", body: json}),
	"fetch-json": () => send(forged.change, {method: forged.method, headers: {"Content-Type": "application/json"}, body: json}),
	"fetch-override": () => send(forged.change, {headers: {"X-HTTP-Method-Override": forged.method}}),
	"xhr": () => xhr("POST", forged.change),
	"beacon": () => (navigator.sendBeacon(forged.change, new Blob([json], {type: "text/plain"})), away),
	"image": () => element("img", forged.change),
	"link": () => follow(forged.change),
	"frame": () => frame((f) => { f.src = forged.change; }),
	"read-fetch": () => send(forged.use),
	"read-xhr": () => xhr("GET", forged.use),
	"read-script": () => element("script", forged.use),
	// Nothing comes of these but that the cookie is attached, or is not.
	"use-link": () => follow(forged.use),
	"use-form": () => form({action: forged.use}),
	"read-frame": () => frame((f) => { f.src = forged.use; }),
};

attacks[forged.name]()
	.then((read) => ({read}), (e) => ({error: String(e)}))
	.then((r) => fetch("/report", {method: "POST", body: JSON.stringify({n: forged.n, ...r})}));
