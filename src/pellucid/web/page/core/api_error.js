// What goes wrong in a call, wherever it is answered.

/** What went wrong, in one line; `lost` where there is nobody any more who answers. */
export class ApiError extends Error {
  name = "ApiError";

  constructor(message, { lost = false } = {}) {
    super(message);
    this.lost = lost;
  }
}
