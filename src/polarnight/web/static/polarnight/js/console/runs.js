// Running commands: begin, wait, stop. The contract is that of /api/v1/ophidia/submit.

import { call } from "../api.js";

/** @returns {string} a name that nobody guesses */
function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One command at a time. */
export class Runner {
  constructor() {
    /** @type {string} */ this.run = "";
  }

  get busy() {
    return this.run !== "";
  }

  /**
   * @param {string} request
   * @param {Record<string, string>} place session, cwd, cdd, cube
   * @param {(answer: any) => void} progress called with how far it is
   * @param {boolean} [typed] whether short words are known
   * @returns {Promise<any>}
   */
  async submit(request, place, progress, typed = false) {
    this.run = newName();
    try {
      let answer = await call("POST", "/ophidia/submit", {
        body: { request, ...place, run: this.run, wait: 1, typed },
      });
      while (answer.state === "RUNNING") {
        progress(answer);
        answer = await call("POST", "/ophidia/poll", { body: { run: this.run, wait: 1 } });
      }
      return answer;
    } finally {
      this.run = "";
    }
  }

  /** Ask the command to stop; its answer says whether it did. */
  async stop() {
    if (this.run) await call("POST", "/ophidia/cancel", { body: { run: this.run } });
  }
}
