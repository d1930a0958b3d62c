// From numbers to places on a chart, and the round numbers that its axes carry.

/** Round numbers from low to high, about `wanted` of them. */
export function ticks(low, high, wanted = 4) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / wanted;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * size).find((one) => one >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => {
    return Number(((first + at) * step).toPrecision(12));
  });
}

/** Whole numbers from low to high. */
export function wholeTicks(low, high, wanted = 5) {
  const all = ticks(low, high, wanted).filter(Number.isInteger);
  return all.length ? all : [low];
}

/** Powers of ten (and 2 and 5 times them where they are few) from low to high. */
export function logTicks(low, high) {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, at) => {
    return first + at;
  });
  const many = powers.length > 6;
  const within = powers
    .flatMap((power) => (many ? [1] : [1, 2, 5]).map((one) => Number(`${one}e${power}`)))
    .filter((one) => one >= low * 0.999 && one <= high * 1.001);
  return within.length > 1 ? within : ticks(low, high, 3);
}

/** A function from [low, high] to [start, end]; by the logarithm where log is true. */
export function scale(low, high, start, end, log = false) {
  const to = log ? Math.log : (one) => one;
  const span = to(high) - to(low) || 1;
  return (one) => start + ((to(one) - to(low)) / span) * (end - start);
}

/** The least and the largest, with some room around where they are the same. */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const one of values) {
    if (one < low) low = one;
    if (one > high) high = one;
  }
  if (low > high) return [0, 1];
  const room = low < high ? 0 : (Math.abs(low) || 1) * 0.05;
  return [low - room, high + room];
}
