"use strict";
for (const form of document.querySelectorAll("form[data-options]")) {
  const say = (text) => { const note = form.querySelector(".told"); note.textContent = text; note.hidden = false; };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const options = JSON.parse(form.dataset.options), made = "user" in options;
      const publicKey = made
        ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
        : PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const answer = await navigator.credentials[made ? "create" : "get"]({ publicKey });
      form.elements.answer.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch (error) {
      say(window.PublicKeyCredential && window.isSecureContext
        ? "The security key did not answer, or is known already. Please try again."
        : "This browser offers no security keys here: it needs HTTPS.");
    }
  });
}
