// The authenticator: shows what its holder is asked, and has each answer signed by the passkey.
// Texts come with the page; whatever the server sends is put in as text, never as markup.
"use strict";

const ROOT = "/identity/authenticator";
const main = document.querySelector("main");
// What refusals say in the page's language, by code; others are told in English.
const REFUSALS = JSON.parse(main.dataset.refusals);
const at = (id) => document.getElementById(id);
const say = (text) => { at("message").textContent = text; };

const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const decode = (text) => Uint8Array.from(
  atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0),
);

async function call(method, path, body) {
  const answer = await fetch(ROOT + path, {
    method, cache: "no-store", credentials: "same-origin",
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const value = answer.status === 204 ? null : await answer.json();
  if (answer.ok) return value;
  const error = new Error(REFUSALS[value.code] ?? value.title);
  error.status = answer.status;
  error.code = value.code;
  throw error;
}

function described(list) {
  return (list ?? []).map((one) => ({ ...one, id: decode(one.id) }));
}

async function sign({ public_key: options }) {
  const made = await navigator.credentials.get({ publicKey: {
    ...options, challenge: decode(options.challenge),
    allowCredentials: described(options.allowCredentials),
  } });
  return {
    credential_id: encode(made.rawId), client_data: encode(made.response.clientDataJSON),
    authenticator_data: encode(made.response.authenticatorData),
    signature: encode(made.response.signature),
    user_handle: made.response.userHandle ? encode(made.response.userHandle) : null,
  };
}

async function enrol() {
  const code = at("code").value.trim();
  const { public_key: options } = await call("POST", "/enrolment", { code });
  const made = await navigator.credentials.create({ publicKey: {
    ...options, challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  } });
  await call("POST", "/passkeys", {
    code, attestation: encode(made.response.attestationObject),
    client_data: encode(made.response.clientDataJSON),
  });
  at("code").value = "";
  say(main.dataset.enrolled);
}

async function signIn() {
  await call("POST", "/session", await sign(await call("POST", "/challenge")));
  await show();
}

// The hash of what is shown, as the platform computes it: names sorted, no white space.
function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

async function shownHash({ language, template, fields, words, salt }) {
  const bytes = new TextEncoder().encode(canonical({ language, template, fields, words, salt }));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function answer(asked, decision, number) {
  if (await shownHash(asked) !== asked.words_hash) {
    say(main.dataset.differ);
    return;
  }
  const path = `/approvals/${encodeURIComponent(asked.approval_id)}`;
  const challenge = await call("POST", `${path}/challenge`, { decision, number });
  const { user_handle: _, ...assertion } = await sign(challenge);
  await call("POST", `${path}/answer`, assertion);
  say(main.dataset.done);
  await show();
}

function question(asked) {
  const card = at("question").content.cloneNode(true).firstElementChild;
  card.dataset.approval = asked.approval_id;
  card.querySelector(".words").textContent = asked.words;
  card.querySelector(".words").lang = asked.language;
  card.querySelector(".requester").textContent = asked.requester;
  card.querySelector(".number-field").hidden = !asked.needs_number;
  const number = card.querySelector(".number-field input");
  card.querySelector(".form-fields").hidden = asked.form_fields.length === 0;
  card.querySelector(".form-fields").append(...asked.form_fields.map((one) => field(asked, card, one)));
  card.querySelector(".approve").onclick = guarded(
    () => answer(asked, "approved", number.value.trim()),
  );
  card.querySelector(".reject").onclick = guarded(() => answer(asked, "rejected", ""));
  return card;
}

// One checkbox: unticking asks for new words, which are shown before anything is answered.
function field(asked, card, one) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.name = one.name;
  box.checked = one.is_chosen;
  box.disabled = one.is_required;
  box.onchange = guarded(async () => {
    const fields = [...card.querySelectorAll(".form-fields input:checked")].map((each) => each.name);
    try {
      const path = `/approvals/${encodeURIComponent(asked.approval_id)}/fields`;
      card.replaceWith(question(await call("POST", path, { fields })));
    } catch (error) {
      box.checked = one.is_chosen;
      throw error;
    }
  });
  label.append(box, ` ${one.label}`);
  return label;
}

function device(one) {
  const row = at("device").content.cloneNode(true).firstElementChild;
  const kind = row.querySelector(".kind");
  kind.textContent = kind.dataset[one.kind];
  row.querySelector(".enrolled").textContent = new Date(one.enrolled_at).toLocaleString(
    document.documentElement.lang,
  );
  row.querySelector(".this").hidden = !one.is_this;
  row.querySelector(".revoke").onclick = guarded(async () => {
    await call("DELETE", `/devices/${encodeURIComponent(one.device_id)}`);
    await show();
  });
  return row;
}

function quiet(one) {
  const row = document.createElement("li");
  const language = { en: "en", "zh-Hant": "zh_hant", "zh-Hans": "zh_hans" }[document.documentElement.lang];
  row.textContent = `${one.service[language]}, ${new Date(one.started_at).toLocaleTimeString(document.documentElement.lang)}`;
  return row;
}

async function show() {
  let home;
  try {
    home = await call("GET", "/home");
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  at("closed").hidden = home !== undefined;
  at("open").hidden = home === undefined;
  if (home === undefined) return;
  at("holder").textContent = home.names[{ "zh-Hant": "zh_hant", "zh-Hans": "zh_hans" }[document.documentElement.lang] ?? "en"];
  at("waiting").hidden = new Date(home.trusted_from) <= new Date();
  at("asked").replaceChildren(...home.approvals.map(question));
  at("nothing").hidden = home.approvals.length > 0;
  at("quiet").hidden = home.quiet.sign_ins.length === 0;
  at("quiet").querySelector("ul").replaceChildren(...home.quiet.sign_ins.map(quiet));
  at("devices").replaceChildren(...home.devices.devices.map(device));
}

// One thing at a time; what went wrong is said, never thrown away.
let isBusy = false;
function guarded(action) {
  return async () => {
    if (isBusy) return;
    isBusy = true;
    say("");
    try {
      await action();
    } catch (error) {
      say(`${main.dataset.refused} ${error.message}`);
      main.dataset.code = error.code ?? error.name;
    } finally {
      isBusy = false;
    }
  };
}

if (window.PublicKeyCredential === undefined) {
  at("no-passkeys").hidden = false;
} else {
  at("enrol").onclick = guarded(enrol);
  at("sign-in").onclick = guarded(signIn);
  at("refresh").onclick = guarded(show);
  at("fetch").onclick = guarded(async () => {
    await call("POST", "/sign-ins", { code: at("fetch-code").value });
    at("fetch-code").value = "";
    await show();
  });
  at("sign-out").onclick = guarded(async () => {
    await call("DELETE", "/session");
    await show();
  });
  guarded(show)();
}
