// Where scripts run: documents can be dropped anywhere on a folder's page, and an upload shows how far it is.
"use strict";
(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("button");
  const line = form.querySelector(".progress");
  const bar = line.querySelector("progress");
  const status = line.querySelector("[role=status]");
  let busy = false;

  const say = (text) => { line.hidden = false; status.textContent = text; };

  const send = (files) => {
    if (busy || files.length === 0) return;
    busy = button.disabled = true;
    const body = new FormData();
    body.append("csrf", form.elements.csrf.value);
    for (const file of files) body.append("documents", file);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "text/plain");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      const part = Math.floor((100 * event.loaded) / event.total);
      bar.value = part;
      say(part < 100 ? part + " %" : "Storing …");
    });
    const failed = (text) => {
      busy = button.disabled = false;
      bar.value = 0;
      say(text);
    };
    request.addEventListener("load", () => {
      if (request.status === 200) location.reload();
      else failed(request.responseText.trim().slice(0, 500) || "The upload was refused.");
    });
    request.addEventListener("error", () => failed("The connection was lost. Nothing that was under way is stored; send it again."));
    say("0 %");
    request.send(body);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(input.files);
  });
  form.querySelector("[data-drop]").hidden = false;
  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove("dropping");
    send(event.dataTransfer.files);
  });
})();
