// "Copy link": without JavaScript the button stays hidden, and the link is there to be marked and copied by hand.
"use strict";

for (const button of document.querySelectorAll("[data-ik-copy]")) {
  const field = document.getElementById(button.dataset.ikCopy);
  const status = button.parentElement.querySelector("[data-ik-copy-status]");
  button.hidden = false;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    status.textContent = (await copied(field)) ? button.dataset.ikCopied : "";
  });
}

async function copied(field) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      // not allowed here: the older way may be
    }
  }
  field.select();
  return document.execCommand("copy");
}
