//! Read a reference pack, check one function on its vectors, and dump: Rust's standard library alone.
//!
//!     rustc -O -o pellucid_rs pellucid.rs && ./pellucid_rs        in the pack's folder
//!
//! `mod pellucid;` gives your port the reader and the dumper.

#![allow(dead_code)]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

const FIRST_LINE: &str = "pellucid-dump 1\n";

/// A tensor of a dump: its numbers are read when they are asked for.
pub struct Tensor {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub count: usize,
    offset: u64,
}

pub struct Dump {
    file: BufReader<File>,
    pub tensors: HashMap<String, Tensor>,
}

fn wrong(said: String) -> Error {
    Error::new(ErrorKind::InvalidData, said)
}

fn bytes_of(dtype: &str) -> Option<usize> {
    match dtype {
        "float64" | "int64" => Some(8),
        "float32" | "int32" => Some(4),
        "float16" | "bfloat16" => Some(2),
        "uint8" => Some(1),
        _ => None,
    }
}

fn parsed(line: &[u8], offset: u64) -> Option<(String, Tensor)> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split_whitespace();
    let (name, dtype) = (words.next()?.to_string(), words.next()?.to_string());
    bytes_of(&dtype)?;
    let shape = words.map(|word| word.parse().ok()).collect::<Option<Vec<usize>>>()?;
    let count = shape.iter().product();
    Some((name, Tensor { dtype, shape, count, offset }))
}

impl Dump {
    pub fn open(path: &str) -> Result<Dump> {
        let mut file = BufReader::new(File::open(path)?);
        let (mut tensors, mut at, mut line) = (HashMap::new(), 0, Vec::new());
        file.read_until(b'\n', &mut line)?;
        if line != FIRST_LINE.as_bytes() {
            return Err(wrong(format!("{path} must begin with the line pellucid-dump 1")));
        }
        at += line.len() as u64;
        loop {
            line.clear();
            if file.read_until(b'\n', &mut line)? == 0 {
                return Ok(Dump { file, tensors });
            }
            at += line.len() as u64;
            let (name, tensor) = parsed(&line, at)
                .ok_or_else(|| wrong(format!("{path} has no line of a tensor before byte {at}")))?;
            at += (tensor.count * bytes_of(&tensor.dtype).unwrap_or(0)) as u64;
            file.seek(SeekFrom::Start(at))?;
            tensors.insert(name, tensor);
        }
    }

    /// The numbers of a tensor of float32.
    pub fn floats(&mut self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tensors.get(name).ok_or_else(|| wrong(format!("there is no {name}")))?;
        if tensor.dtype != "float32" {
            return Err(wrong(format!("{name} is of {}, not float32", tensor.dtype)));
        }
        let mut bytes = vec![0; 4 * tensor.count];
        self.file.seek(SeekFrom::Start(tensor.offset))?;
        self.file.read_exact(&mut bytes)?;
        let four = |part: &[u8]| f32::from_le_bytes([part[0], part[1], part[2], part[3]]);
        Ok(bytes.chunks_exact(4).map(four).collect())
    }
}

/// A dump of your own, for `pellucid compare`.
pub struct Dumper(BufWriter<File>);

impl Dumper {
    pub fn begin(path: &str) -> Result<Dumper> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(FIRST_LINE.as_bytes())?;
        Ok(Dumper(file))
    }

    pub fn add(&mut self, name: &str, numbers: &[f32], shape: &[usize]) -> Result<()> {
        let sizes: String = shape.iter().map(|size| format!(" {size}")).collect();
        writeln!(self.0, "{name} float32{sizes}")?;
        numbers.iter().try_for_each(|one| self.0.write_all(&one.to_le_bytes()))
    }

    pub fn end(mut self) -> Result<()> {
        self.0.flush()
    }
}

/// The largest distance, in parts of the largest right number.
pub fn apart(mine: &[f32], right: &[f32]) -> f64 {
    let (mut most, mut largest) = (0.0f64, 0.0f64);
    for (own, other) in mine.iter().zip(right) {
        let off = (*own as f64 - *other as f64).abs();
        most = if off.is_nan() { f64::INFINITY } else { most.max(off) };
        largest = largest.max(other.abs() as f64);
    }
    if largest > 0.0 { most / largest } else { most }
}

/// out = (x - mean) / sqrt(variance + eps) * weight + bias; without `centred` it is RMS norm.
fn norm(x: &[f32], weight: &[f32], bias: Option<&[f32]>, eps: f32, centred: bool) -> Vec<f32> {
    let n = weight.len();
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks_exact(n) {
        let mean = if centred { row.iter().sum::<f32>() / n as f32 } else { 0.0 };
        let variance = row.iter().map(|one| (one - mean).powi(2)).sum::<f32>() / n as f32;
        let rstd = 1.0 / (variance + eps).sqrt();
        out.extend((0..n).map(|i| (row[i] - mean) * rstd * weight[i] + bias.map_or(0.0, |b| b[i])));
    }
    out
}

fn main() -> Result<()> {
    let mut vectors = Dump::open("vectors.bin")?;
    let centred = vectors.tensors.contains_key("layer_norm.x");
    let name = if centred { "layer_norm" } else { "rms_norm" };
    let weight = vectors.floats(&format!("{name}.weight"))?;
    let bias = vectors.floats(&format!("{name}.bias")).ok();
    let eps = vectors.floats(&format!("{name}.eps"))?[0];
    let x = vectors.floats(&format!("{name}.x"))?;
    let out = norm(&x, &weight, bias.as_deref(), eps, centred);
    let right = vectors.floats(&format!("{name}.out"))?;
    let far = apart(&out, &right);
    let mut mine = Dumper::begin("mine.bin")?;
    // The smallest call of a norm is the first of equals, and so it is this one in the run.
    mine.add("h.0.ln_1.out", &out, &vectors.tensors[&format!("{name}.out")].shape)?;
    mine.end()?;
    println!("{name}.out {far:.1e} {}", if far < 2e-5 { "right" } else { "WRONG" });
    std::process::exit(i32::from(far >= 2e-5));
}
