// 表示する: a password can be looked at before it is sent. Without script it stays hidden, and nothing else changes.
"use strict";

for (const field of document.querySelectorAll("input[type=password]")) {
  const button = document.createElement("button");
  const label = document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
  const name = label ? label.innerText.trim() : "パスワード";
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? "隠す" : "表示する";
    button.setAttribute("aria-label", `${name}を${shown ? "隠す" : "表示する"}`);
  };
  button.type = "button";
  button.className = "quiet";
  show(false);
  button.addEventListener("click", () => show(field.type === "password"));
  // It goes as a password, so that nothing keeps it among what was typed.
  field.form.addEventListener("submit", () => show(false));
  field.after(button);
}
