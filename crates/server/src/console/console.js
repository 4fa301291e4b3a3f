"use strict";
// A first look at what the server holds. It is a client of the native API like any other.

const $ = (id) => document.getElementById(id);
let token = sessionStorage.getItem("token");

const local = (time) => (time ? new Date(time).toLocaleString() : "");
const terms = (terms) => [terms.term.kind ?? terms.term, terms.concurrency].filter((word) => word && word !== "off").join(", ");

// Each room: where its list comes from, and what of an item is shown.
const rooms = {
  Accounts: { path: "accounts", columns: { Name: (a) => "\u2003".repeat(depth(a)) + a.name, Kind: (a) => a.kind.replaceAll("_", " "), State: (a) => (a.closed_at ? "closed" : a.held ? "on hold" : "active"), Since: (a) => local(a.created_at) } },
  Products: { path: "products", vendors: true, columns: { Name: (p) => p.name, "Trial days": (p) => (p.trial_offered ? p.trial_days : "–"), State: (p) => (p.active ? "active" : "switched off"), Changed: (p) => local(p.modified_at) } },
  Licenses: { path: "licenses", columns: { Code: (l) => l.code, Account: (l) => l.account_name, Profile: (l) => l.profile_name ?? "–", Terms: (l) => terms(l.terms), "In use": (l) => `${l.active_count} of ${l.terms.activation_limit}`, Live: (l) => l.live_count, State: (l) => (l.held ? "on hold" : "active") } },
  Trials: { path: "trials", vendors: true, columns: { Device: (t) => t.device, Began: (t) => local(t.started_at), Ends: (t) => local(t.ends_at), Converted: (t) => (t.converted_at ? "yes" : "no") } },
  Events: { path: "events", columns: { When: (e) => local(e.at), What: (e) => e.kind, About: (e) => e.subject_kind, Who: (e) => e.actor[0] } },
};

const parents = new Map();
function depth(account) {
  let steps = 0;
  for (let up = account.parent; up && parents.has(up); up = parents.get(up)) steps += 1;
  return steps;
}

async function call(verb, path, body) {
  const headers = { accept: "application/json" };
  if (body) headers["content-type"] = "application/json";
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method: verb, headers, body: body && JSON.stringify(body) });
  const data = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (answer.ok) return data;
  if (answer.status === 401 && token) leave();
  throw new Error(data?.detail ?? data?.title ?? `The server answered ${answer.status}.`);
}

function tell(text) {
  $("told").textContent = text;
}

function leave() {
  token = null;
  sessionStorage.removeItem("token");
  show();
}

function enter(session) {
  token = session.token;
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname);
  tell("");
  show();
}

function show() {
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  $("welcome").hidden = !link || Boolean(token);
  $("enter").hidden = Boolean(token) || Boolean(link);
  for (const id of ["rooms", "leave", "room"]) $(id).hidden = !token;
  if (token) open("Accounts");
}

// The lists that have a vendor each are read for every vendor, one after the other.
async function sources(room) {
  if (!room.vendors) return [`/v1/${room.path}?limit=100`];
  const vendors = await call("GET", "/v1/accounts?kind=vendor&limit=100");
  return vendors.items.map((vendor) => `/v1/${room.path}?limit=100&vendor=${vendor.id}`);
}

async function open(name) {
  const room = rooms[name];
  for (const button of $("rooms").children) {
    if (button.textContent === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  $("title").textContent = name;
  document.querySelector("thead").replaceChildren(row("th", Object.keys(room.columns)));
  const body = document.querySelector("tbody");
  body.replaceChildren();
  $("empty").hidden = $("more").hidden = true;
  try {
    const waiting = await sources(room);
    const next = async () => {
      const path = waiting.shift();
      if (!path) return;
      const page = await call("GET", path);
      if (room.path === "accounts") for (const account of page.items) parents.set(account.id, account.parent);
      for (const item of page.items) body.append(row("td", Object.values(room.columns).map((cell) => cell(item))));
      if (page.next) waiting.unshift(`${path.split("&cursor=")[0]}&cursor=${encodeURIComponent(page.next)}`);
      if (body.children.length < 100) await next();
      $("more").hidden = waiting.length === 0;
      $("empty").hidden = body.children.length > 0;
    };
    $("more").onclick = () => next().catch((error) => tell(error.message));
    await next();
  } catch (error) {
    tell(error.message);
  }
}

function row(kind, cells) {
  const line = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement(kind);
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

function submits(id, send) {
  $(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    button.disabled = true;
    try {
      enter(await send(new FormData(event.target)));
    } catch (error) {
      tell(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

submits("enter", (form) => call("POST", "/v1/sessions", { login: form.get("login"), password: form.get("password") }));
submits("welcome", (form) => {
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  return call("POST", "/v1/sign-in-links/redeem", { token: link, password: form.get("password") });
});
$("leave").addEventListener("click", () => call("DELETE", "/v1/sessions/current").catch(() => null).then(leave));
for (const name of Object.keys(rooms)) {
  const button = document.createElement("button");
  button.textContent = name;
  button.addEventListener("click", () => open(name));
  $("rooms").append(button);
}
show();
