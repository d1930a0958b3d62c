// Read a reference pack, check one function on its vectors, and dump: Node.js, no packages.
//
//     node pellucid.js            in the pack's folder
//
// const { open, Dump, apart } = require("./pellucid.js") gives your port the reader and the dumper.

"use strict";

const fs = require("node:fs");

const FIRST_LINE = "pellucid-dump 1\n";
const DTYPES = {
  float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array,
  uint8: Uint8Array, float16: Uint16Array, bfloat16: Uint16Array, // the last two as their bits
};

/** The tensors of a dump by name: { name, dtype, shape, count, numbers() }, read when asked for. */
function open(path) {
  const file = fs.openSync(path, "r");
  const size = fs.fstatSync(file).size;
  const line = (at) => {
    const bytes = Buffer.alloc(1000);
    const text = bytes.toString("utf8", 0, fs.readSync(file, bytes, 0, bytes.length, at));
    return text.slice(0, text.indexOf("\n") + 1);
  };
  if (line(0) !== FIRST_LINE) throw new Error(`${path} must begin with the line pellucid-dump 1`);
  const tensors = new Map();
  for (let at = FIRST_LINE.length; at < size; ) {
    const text = line(at);
    const [name, dtype, ...sizes] = text.trim().split(/ +/);
    const shape = sizes.map(Number);
    if (!DTYPES[dtype] || !shape.every(Number.isSafeInteger))
      throw new Error(`${path} has no line of a tensor at byte ${at}`);
    const offset = at + Buffer.byteLength(text);
    const count = shape.reduce((product, one) => product * one, 1);
    const length = count * DTYPES[dtype].BYTES_PER_ELEMENT;
    const numbers = () => {
      const bytes = new Uint8Array(length);
      if (fs.readSync(file, bytes, 0, length, offset) !== length)
        throw new Error(`${path} ends within ${name}`);
      return new DTYPES[dtype](bytes.buffer);
    };
    tensors.set(name, { name, dtype, shape, count, numbers });
    at = offset + length;
  }
  return tensors;
}

/** A dump of your own: new Dump("mine.bin").add("logits", float32Array, [T, V]).end() */
class Dump {
  constructor(path) {
    this.file = fs.openSync(path, "w");
    fs.writeSync(this.file, FIRST_LINE);
  }

  add(name, numbers, shape) {
    const dtype = Object.keys(DTYPES).find((one) => numbers instanceof DTYPES[one]);
    fs.writeSync(this.file, `${[name, dtype, ...shape].join(" ")}\n`);
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.file, bytes, at);
    return this;
  }

  end() {
    fs.closeSync(this.file);
  }
}

/** The largest distance, in parts of the largest right number. */
function apart(mine, right) {
  let most = 0, largest = 0;
  for (let i = 0; i < right.length; i++) {
    const off = Math.abs(mine[i] - right[i]);
    if (!(off <= most)) most = Number.isNaN(off) ? Infinity : off;
    largest = Math.max(largest, Math.abs(right[i]));
  }
  return largest > 0 ? most / largest : most;
}

/** out = (x - mean) / sqrt(variance + eps) * weight + bias; without `centred` it is RMS norm. */
function norm(x, weight, bias, eps, centred) {
  const n = weight.length, out = new Float32Array(x.length);
  for (let at = 0; at < x.length; at += n) {
    const row = x.subarray(at, at + n);
    const mean = centred ? row.reduce((sum, one) => sum + one, 0) / n : 0;
    const variance = row.reduce((sum, one) => sum + (one - mean) ** 2, 0) / n;
    for (let i = 0; i < n; i++)
      out[at + i] = ((row[i] - mean) / Math.sqrt(variance + eps)) * weight[i] + (bias?.[i] ?? 0);
  }
  return out;
}

function main() {
  const vectors = open("vectors.bin");
  const inRun = JSON.parse(fs.readFileSync("manifest.json", "utf8")).vectors;
  const name = vectors.has("layer_norm.x") ? "layer_norm" : "rms_norm";
  const of = (key) => vectors.get(`${name}.${key}`)?.numbers();
  const out = norm(of("x"), of("weight"), of("bias"), of("eps")[0], name === "layer_norm");
  const far = apart(out, of("out"));
  const { shape } = vectors.get(`${name}.out`);
  new Dump("mine.bin").add(inRun[name].tensors.out, out, shape).end();
  console.log(`${name}.out ${far.toExponential(1)} ${far < 2e-5 ? "right" : "WRONG"}`);
  process.exitCode = far < 2e-5 ? 0 : 1;
}

module.exports = { open, Dump, apart };
if (require.main === module) main();
