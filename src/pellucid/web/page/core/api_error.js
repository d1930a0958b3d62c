// What goes wrong in a call, wherever it is answered.

/** What went wrong, in one line. */
export class ApiError extends Error {
  name = "ApiError";
}
