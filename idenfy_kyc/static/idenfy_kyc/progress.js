"use strict";

// Drives the sending while the page is open: one step at a time, the next one when the answer is there. It has no words of
// its own, and believes nobody but the server: what is not our JSON ends the loop, says what to do, and leaves Continue.
{
  const TRY_AGAIN = 10000;
  const QUARTERS = [25, 50, 75, 100];
  // With these the server draws more than the script does: the links, the reasons, what can be done.
  const ENDS = ["done", "plan", "stopped"];

  const box = document.getElementById("progress");
  const bar = document.getElementById("progress-bar");
  const words = document.getElementById("progress-state");
  const status = document.getElementById("progress-status");
  const trouble = document.getElementById("progress-trouble");
  const stopForm = document.getElementById("progress-stop");
  const resumeForm = document.getElementById("progress-resume");
  const sendForm = document.getElementById("progress-send");
  const urls = { send: box.dataset.sendUrl, watch: box.dataset.watchUrl };

  const doneWhenDrawn = bar.value;
  let state = box.dataset.state;
  let announced = Number(box.dataset.percent);
  let isAlive = true;
  let isLate = sendForm && !urls.send && !sendForm.hidden; // nobody sends, though a worker should
  let isLeaving = false;

  class Unreadable extends Error {}
  class SignedOut extends Error {}

  const show = (element, isShown) => {
    if (element) {
      element.hidden = !isShown;
    }
  };

  const drawButtons = () => {
    const isPaused = state === "stopped" || state === "waiting";
    show(stopForm, state !== "stopped");
    show(resumeForm, isPaused);
    show(sendForm, !isPaused && (urls.send ? !isAlive : isLate));
  };

  const complain = (message) => {
    trouble.textContent = message || "";
    show(trouble, Boolean(message));
    // "This page does the sending" is not true at the moment.
    show(words.querySelector(".ik-advice"), !message);
  };

  const ask = async () => {
    const isStep = urls.send && state !== "stopped";
    const options = {
      method: isStep ? "POST" : "GET",
      headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" },
      credentials: "same-origin",
      redirect: "manual",
      cache: "no-store",
    };
    if (isStep) {
      options.headers["X-CSRFToken"] = sendForm.elements.csrfmiddlewaretoken.value;
    }
    const answer = await fetch(isStep ? urls.send : urls.watch, options);
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    if (answer.type === "opaqueredirect" || (answer.status === 403 && !isJson)) {
      throw new SignedOut();
    }
    if (!isJson) {
      throw new Unreadable();
    }
    try {
      return await answer.json();
    } catch (error) {
      throw error instanceof SyntaxError ? new Unreadable() : error;
    }
  };

  const announce = (found) => {
    const passed = QUARTERS.some((quarter) => announced < quarter && quarter <= found.percent);
    if (passed || found.state !== state) {
      status.textContent = found.announcement;
      announced = found.percent;
    }
  };

  const draw = (found) => {
    // An answer without words: the server could not look. What is on the page still holds.
    complain(found.html ? "" : found.reason);
    if (found.html) {
      bar.max = found.total;
      bar.value = found.done;
      words.innerHTML = found.html;
      document.title = found.title;
      announce(found);
      state = found.state;
      isLate = found.is_late;
    }
    drawButtons();
  };

  // Whether the page has more on it than the script draws, or should have: then the server draws it anew. While calls are
  // under way the numbers still change, and nobody could press anything.
  const isStale = (found, before) => {
    const isOther = found.state !== before && (ENDS.includes(found.state) || ENDS.includes(before));
    return isOther || (found.state === "stopped" && found.done !== doneWhenDrawn && !found.counts.sending);
  };

  const step = async () => {
    let wait = TRY_AGAIN;
    try {
      const before = state;
      const found = await ask();
      draw(found);
      if (isStale(found, before)) {
        window.location.reload();
        return;
      }
      wait = found.retry_after_ms;
    } catch (error) {
      if (isLeaving) {
        return;
      }
      if (error instanceof SignedOut || error instanceof Unreadable) {
        isAlive = false;
        complain(error instanceof SignedOut ? box.dataset.signedOut : box.dataset.notUnderstood);
        drawButtons();
        return;
      }
      complain(box.dataset.noConnection);
    }
    window.setTimeout(step, wait);
  };

  // Continue, once the loop has ended: the page itself is loaded again, so that signing in leads back to it.
  if (sendForm && urls.send) {
    sendForm.addEventListener("submit", (event) => {
      event.preventDefault();
      window.location.reload();
    });
  }
  window.addEventListener("pagehide", () => {
    isLeaving = true;
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      window.location.reload();
    }
  });

  drawButtons();
  window.setTimeout(step, Number(box.dataset.retryAfter));
}
