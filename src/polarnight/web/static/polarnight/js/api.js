// Calls of the API from our own pages: session cookie, CSRF token, problem details.

/** An answer of the API that says what is wrong. */
export class Problem extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super((body && (body.detail || body.title)) || `HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** Where the site begins, "" unless a proxy puts it below a path of its own. */
export const ROOT = document.querySelector('meta[name="root"]')?.getAttribute("content") ?? "";
export const BASE = `${ROOT}/api/v1`;

/** @returns {string} the token that forms of this page carry */
export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}

/**
 * Make a query string; null, undefined and empty values are left out, lists are repeated.
 * @param {Record<string, any>} values
 */
export function query(values) {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") parameters.append(key, String(one));
    }
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

/**
 * Call the API.
 * @param {string} method
 * @param {string} path below /api/v1, such as "/me"
 * @param {{body?: any, signal?: AbortSignal}} [options] the body is sent as JSON
 * @returns {Promise<any>} the JSON of the answer, null where it has none
 * @throws {Problem}
 */
export async function call(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (method !== "GET" && method !== "HEAD") headers["X-CSRFToken"] = csrfToken();
  let body;
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.body);
  }
  const answer = await fetch(BASE + path, {
    method, headers, body, signal: options.signal, credentials: "same-origin",
  });
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    if (answer.ok) throw new Problem(answer.status, { title: "the answer is no JSON" });
  }
  if (!answer.ok) throw new Problem(answer.status, value);
  return value;
}
