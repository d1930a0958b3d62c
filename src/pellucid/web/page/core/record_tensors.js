// What the calls `tensor` and `picture` answer, cut out of tensors that were recorded whole.

const STRENGTHS = 127; // a tint is from -127 to 127,
const NAN = -128; // or that of a NaN

/** The answer for {name, lead, rows, columns}; nothing where that part was not recorded. */
export function windowOf({ said, data }, { name, lead = [], rows, columns }) {
  const [high, wide] = [1, 1, ...said.shape].slice(-2);
  const [top, bottom] = cut(rows, high);
  const [left, right] = cut(columns, wide);
  const [keptRows, keptColumns] = said.corner ?? [high, wide];
  const corner = said.corner && lead.some((at) => at > 0);
  if (corner || bottom > keptRows || right > keptColumns) return undefined;
  const first = lead.reduce((place, at, axis) => place * said.shape[axis] + at, 0) * high;
  const table = (cell) => range(top, bottom).map((row) => range(left, right)
    .map((column) => cell((first + row) * keptColumns + column)));
  const number = reader(said, data);
  const { shape, dtype, symbol, meaning, labels, largest, statistics } = said;
  return {
    name, shape, dtype, symbol, meaning, largest, statistics,
    labels: {
      rows: labels.rows?.slice(top, bottom) ?? null,
      columns: labels.columns?.slice(left, right) ?? null,
    },
    rows: [top, bottom],
    columns: [left, right],
    values: table((place) => plain(number(place))),
    texts: table((place) => said.texts?.[place] ?? textOf(number(place), said)),
    against: null,
  };
}

/** A picture with a tint for each number of a matrix; nothing where it was not recorded. */
export function pictureOf({ said, data }, lead) {
  const made = windowOf({ said, data }, { lead });
  if (!made) return undefined;
  const { values, largest } = made;
  const tint = (value) => {
    if (value === "NaN") return NAN;
    const share = Number.isFinite(value) && Number(largest) ? value / largest : 0;
    return Math.max(-STRENGTHS, Math.min(STRENGTHS, Math.round(share * STRENGTHS)));
  };
  const bytes = values.flat().map((value) => String.fromCharCode(tint(value) & 255)).join("");
  const [height, width] = [values.length, values[0]?.length ?? 0];
  return { shape: [height, width], matrices: 1, height, width, tints: btoa(bytes), largest };
}

/** The pictures of all matrices of a tensor as one. */
export function stacked(parts) {
  if (!parts.every(Boolean)) return undefined;
  const tints = btoa(parts.map((part) => atob(part.tints)).join(""));
  return { ...parts[0], matrices: parts.length, tints };
}

/** A number as Python writes it in so many decimals; null decimals are a whole number's. */
export function textOf(value, { decimals, scientific }) {
  if (decimals === null) return String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "-∞" : "∞";
  const text = scientific ? value.toExponential(decimals) : value.toFixed(decimals);
  const unsigned = Number(text) === 0 ? text.replace(/^-/, "") : text;
  return unsigned.replace(/e([+-])(\d)$/, "e$10$2");
}

// The numbers by their places: the first bytes of all come first, then the second ones, and so on.
function reader({ single, shape, corner, from }, data) {
  const size = single ? 4 : 8;
  const count = (corner ?? shape).reduce((product, one) => product * one, 1);
  const one = new DataView(new ArrayBuffer(size));
  return (place) => {
    for (let at = 0; at < size; at += 1) one.setUint8(at, data.getUint8(from + at * count + place));
    return single ? one.getFloat32(0, true) : one.getFloat64(0, true);
  };
}

// What JSON has no number for has its name.
function plain(value) {
  return Number.isFinite(value) ? value : String(value);
}

function cut(bounds, size) {
  const [from, to] = (bounds ?? [0, size]).map((bound) => Math.min(bound, size));
  return [from, Math.max(from, to)];
}

function range(from, to) {
  return Array.from({ length: to - from }, (_, at) => from + at);
}
