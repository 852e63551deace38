// Passkeys: the one thing on our pages that a browser does by script only. A form says what to ask for (data-options, as
// WebAuthn's JSON) and how (data-passkey: "create" or "get"); the answer goes into its field `credential` as JSON, and the
// form is sent as every other.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (credentials) => credentials?.map((one) => ({ ...one, id: bytes(one.id) }));

/** Base64url becomes bytes where the browser wants bytes. */
function read({ publicKey, mediation }) {
  const options = { ...publicKey, challenge: bytes(publicKey.challenge) };
  if (options.user) options.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) options.excludeCredentials = listed(options.excludeCredentials);
  if (options.allowCredentials) options.allowCredentials = listed(options.allowCredentials);
  return mediation ? { publicKey: options, mediation } : { publicKey: options };
}

/** What the authenticator answered, as the server reads it. */
function written({ id, rawId, type, response }) {
  const fields = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) fields[name] = text(response[name]);
  }
  return JSON.stringify({ id, rawId: text(rawId), type, response: fields, extensions: {} });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const part = (name) => form.querySelector(`[data-passkey-${name}]`);
  const button = part("button");
  if (!button) continue;
  if (!window.PublicKeyCredential || !navigator.credentials) {
    part("missing").hidden = false;
    continue;
  }
  button.hidden = false;
  button.addEventListener("click", async () => {
    part("failed").hidden = true;
    try {
      const options = read(JSON.parse(form.dataset.options));
      const credential = form.dataset.passkey === "create" ? await navigator.credentials.create(options) : await navigator.credentials.get(options);
      form.elements.credential.value = written(credential);
      form.submit();
    } catch {
      part("failed").hidden = false;
    }
  });
}
