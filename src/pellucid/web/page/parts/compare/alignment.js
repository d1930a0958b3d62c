// Which tokens of two runs stand for the same: by their characters, or by what both have in order.

const MOST = 400; // tokens of a text whose differences are looked for one by one

/**
 * Two lists of tokens as parts one below the other: [{mine: [from, to], theirs: [from, to], kind}].
 * `kind` is "same", "split" where other tokens have the same characters, or "differs".
 */
export function aligned(mine, theirs) {
  const [one, other] = [mine, theirs].map((tokens) => tokens.map(({ piece }) => piece));
  return one.join("") === other.join("") ? byCharacters(one, other) : byOrder(one, other);
}

// The same text: a part ends wherever both have the end of a token.
function byCharacters(one, other) {
  const found = [];
  let [i, j, from, to] = [0, 0, 0, 0];
  let [left, right] = [0, 0]; // characters so far
  while (i < one.length || j < other.length) {
    if (left <= right && i < one.length) left += one[i++].length;
    else if (j < other.length) right += other[j++].length;
    else left += one[i++].length;
    if (left !== right) continue;
    // Tokens without a character go with those before.
    while (i < one.length && !one[i].length) i += 1;
    while (j < other.length && !other[j].length) j += 1;
    found.push(part(one, other, [from, i], [to, j]));
    [from, to] = [i, j];
  }
  return found;
}

// Other texts: the longest list of tokens that both have in the same order stays beside itself.
function byOrder(one, other) {
  const pairs = one.length > MOST || other.length > MOST ? [] : common(one, other);
  const found = [];
  let [from, to] = [0, 0];
  for (const [i, j] of [...pairs, [one.length, other.length]]) {
    if (i > from || j > to) found.push(part(one, other, [from, i], [to, j]));
    if (i < one.length) found.push(part(one, other, [i, i + 1], [j, j + 1]));
    [from, to] = [i + 1, j + 1];
  }
  return found;
}

function common(one, other) {
  const best = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      best[i][j] = one[i] === other[j] ? best[i + 1][j + 1] + 1
        : Math.max(best[i + 1][j], best[i][j + 1]);
    }
  }
  const pairs = [];
  let [i, j] = [0, 0];
  while (i < one.length && j < other.length) {
    if (one[i] === other[j]) pairs.push([i++, j++]);
    else if (best[i + 1][j] >= best[i][j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

function part(one, other, mine, theirs) {
  const [left, right] = [one.slice(...mine), other.slice(...theirs)];
  const same = left.length === right.length && left.every((piece, at) => piece === right[at]);
  const kind = same ? "same" : left.join("") === right.join("") ? "split" : "differs";
  return { mine, theirs, kind };
}
