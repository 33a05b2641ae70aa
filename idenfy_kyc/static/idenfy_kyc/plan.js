"use strict";

// Marks a questionnaire's key that iDenfy has never accepted here, once it is typed. Without JavaScript the server does,
// when it shows the form again.
for (const mark of document.querySelectorAll("[data-ik-mark]")) {
  const field = mark.parentElement.querySelector("input[list]");
  const known = new Set(Array.from(field.list.options, (option) => option.value));
  const isNew = () => field.value.trim() !== "" && !known.has(field.value.trim());
  field.addEventListener("input", () => {
    mark.textContent = "";
  });
  field.addEventListener("change", () => {
    mark.textContent = isNew() ? mark.dataset.ikMark : "";
  });
}

// Searching the plan, or leaving somebody out, loads the page anew: what has been filled in so far is kept in this tab.
const plan = document.querySelector(".ik-plan");
const place = `idenfy_kyc ${location.pathname}`;
// The number on the button changes; four digits of a card are nobody's to keep.
const notKept = ["typed_count", "bank_card_expected_last_four"];

function typed() {
  const fields = Array.from(plan.elements).filter(
    (field) => field.name && !["hidden", "submit"].includes(field.type) && !notKept.includes(field.name),
  );
  return fields.map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]);
}

function fillIn(pairs) {
  for (const [name, value] of pairs) {
    const field = plan.elements[name];
    if (field) {
      field[field.type === "checkbox" ? "checked" : "value"] = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
}

function keep() {
  try {
    sessionStorage.setItem(place, JSON.stringify(typed()));
  } catch {
    // The browser keeps nothing: then it is typed again.
  }
}

function forget() {
  try {
    sessionStorage.removeItem(place);
  } catch {
    // Nothing was kept.
  }
}

if (plan) {
  try {
    // What the server has just been sent, and shows again, is newer.
    if (!plan.hasAttribute("data-ik-sent")) fillIn(JSON.parse(sessionStorage.getItem(place) ?? "[]"));
  } catch {
    forget();
  }
  plan.addEventListener("input", keep);
  plan.addEventListener("submit", forget);
  document.getElementById("discard").addEventListener("submit", forget);
}

// One tick for a whole page of clients. Without JavaScript they are ticked one by one, or taken by groups.
for (const head of document.querySelectorAll("[data-ik-tick-all]")) {
  const rows = Array.from(head.closest("table").querySelectorAll("input[name=row]"));
  if (rows.length > 1) {
    const all = document.createElement("input");
    all.type = "checkbox";
    all.setAttribute("aria-label", head.dataset.ikTickAll);
    all.title = head.dataset.ikTickAll;
    all.addEventListener("change", () => {
      for (const row of rows) row.checked = all.checked;
    });
    for (const row of rows) {
      row.addEventListener("change", () => {
        all.checked = rows.every((other) => other.checked);
      });
    }
    head.replaceChildren(all);
  }
}
