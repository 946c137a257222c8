// Forms that start jobs: fields by their names, lists separated by commas or blanks.

import { call } from "../api.js";

const LISTS = new Set(["nights", "fixed"]);

/**
 * What a form asks for, as the API takes it; empty fields are left out.
 * @param {HTMLFormElement} form
 * @returns {Record<string, any>}
 */
export function request(form) {
  /** @type {Record<string, any>} */
  const body = {};
  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement) || !field.name) continue;
    if (field instanceof HTMLInputElement && field.type === "checkbox") body[field.name] = field.checked;
    else if (LISTS.has(field.name)) body[field.name] = field.value.split(/[\s,]+/).filter(Boolean);
    else if (field.value.trim()) body[field.name] = field.value.trim();
  }
  return body;
}

/**
 * Let a form start a job.
 * @param {HTMLFormElement} form
 * @param {(job: any) => void} started
 */
export function starts(form, started) {
  const told = /** @type {HTMLElement | null} */ (form.querySelector("[data-told-wrong]"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement | null} */ (form.querySelector("button[type=submit]"));
    if (button) button.disabled = true;
    if (told) told.hidden = true;
    try {
      started(await call("POST", "/jobs", { body: request(form) }));
    } catch (error) {
      if (told) {
        told.textContent = /** @type {Error} */ (error).message;
        told.hidden = false;
      }
    } finally {
      if (button) button.disabled = false;
    }
  });
}
