/* A port's first day: each function of the model by itself, checked on the numbers of a real run.

       cc -O2 -std=c99 -o main main.c pellucid.c -lm && ./main

   vectors.bin has what went into a call and what came out, forward and backward, as layer_norm.x
   and layer_norm.dweight. What is computed here goes into mine.bin under the names that it has in
   the whole run, so that `pellucid compare mine.bin .` judges it. Start here: put your functions in
   the place of these, and add those that are missing. Shapes: rows is all axes but the last. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pellucid.h"
#include "pellucid_pack.h"

#define FAR 2e-5 /* of the largest number: what float32 may be off by in sums as long as these */

/* -- the functions of a transformer ------------------------------------------------------------ */

/* out = (x - mean) / sqrt(variance + eps) * weight + bias, over each row of n numbers. */
static void layer_norm(float *out, const float *x, const float *weight, const float *bias,
                       int64_t rows, int64_t n, float eps) {
    for (int64_t r = 0; r < rows; r++, x += n, out += n) {
        float mean = 0, variance = 0;
        for (int64_t i = 0; i < n; i++) mean += x[i] / (float)n;
        for (int64_t i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean) / (float)n;
        float rstd = 1 / sqrtf(variance + eps);
        for (int64_t i = 0; i < n; i++)
            out[i] = (x[i] - mean) * rstd * weight[i] + (bias ? bias[i] : 0);
    }
}

/* dx, and what is added to dweight and dbias: the loss depends on x through mean and variance. */
static void layer_norm_backward(float *dx, float *dweight, float *dbias, const float *dout,
                                const float *x, const float *weight, int64_t rows, int64_t n,
                                float eps) {
    for (int64_t r = 0; r < rows; r++, x += n, dout += n, dx += n) {
        float mean = 0, variance = 0, first = 0, second = 0;
        for (int64_t i = 0; i < n; i++) mean += x[i] / (float)n;
        for (int64_t i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean) / (float)n;
        float rstd = 1 / sqrtf(variance + eps);
        for (int64_t i = 0; i < n; i++) {
            float xhat = (x[i] - mean) * rstd, dxhat = dout[i] * weight[i];
            first += dxhat / (float)n;
            second += dxhat * xhat / (float)n;
            dweight[i] += dout[i] * xhat;
            if (dbias) dbias[i] += dout[i];
        }
        for (int64_t i = 0; i < n; i++)
            dx[i] = rstd * (dout[i] * weight[i] - first - (x[i] - mean) * rstd * second);
    }
}

/* out = x / sqrt(mean of x^2 + eps) * weight */
static void rms_norm(float *out, const float *x, const float *weight, int64_t rows, int64_t n,
                     float eps) {
    for (int64_t r = 0; r < rows; r++, x += n, out += n) {
        float square = 0;
        for (int64_t i = 0; i < n; i++) square += x[i] * x[i] / (float)n;
        float rstd = 1 / sqrtf(square + eps);
        for (int64_t i = 0; i < n; i++) out[i] = x[i] * rstd * weight[i];
    }
}

static void rms_norm_backward(float *dx, float *dweight, const float *dout, const float *x,
                              const float *weight, int64_t rows, int64_t n, float eps) {
    for (int64_t r = 0; r < rows; r++, x += n, dout += n, dx += n) {
        float square = 0, along = 0;
        for (int64_t i = 0; i < n; i++) square += x[i] * x[i] / (float)n;
        float rstd = 1 / sqrtf(square + eps);
        for (int64_t i = 0; i < n; i++) {
            along += dout[i] * weight[i] * x[i] * rstd / (float)n;
            dweight[i] += dout[i] * x[i] * rstd;
        }
        for (int64_t i = 0; i < n; i++) dx[i] = rstd * (dout[i] * weight[i] - x[i] * rstd * along);
    }
}

/* out = x weight + bias; the weight is (in, out), row by row, as GPT-2's checkpoints have it. */
static void linear(float *out, const float *x, const float *weight, const float *bias,
                   int64_t rows, int64_t in, int64_t outs) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < outs; o++) {
            float sum = 0;
            for (int64_t i = 0; i < in; i++) sum += x[r * in + i] * weight[i * outs + o];
            out[r * outs + o] = sum + (bias ? bias[o] : 0);
        }
}

/* dx = dout weight^T, dweight += x^T dout, dbias += the sum of dout over the rows */
static void linear_backward(float *dx, float *dweight, float *dbias, const float *dout,
                            const float *x, const float *weight, int64_t rows, int64_t in,
                            int64_t outs) {
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < in; i++) {
            float sum = 0;
            for (int64_t o = 0; o < outs; o++) {
                sum += dout[r * outs + o] * weight[i * outs + o];
                dweight[i * outs + o] += x[r * in + i] * dout[r * outs + o];
            }
            dx[r * in + i] = sum;
        }
        for (int64_t o = 0; dbias && o < outs; o++) dbias[o] += dout[r * outs + o];
    }
}

#define ROOT_2_OVER_PI 0.7978845608028654f

static float gelu_tanh(float x) {
    return 0.5f * x * (1 + tanhf(ROOT_2_OVER_PI * (x + 0.044715f * x * x * x)));
}

static float gelu_tanh_slope(float x) {
    float t = tanhf(ROOT_2_OVER_PI * (x + 0.044715f * x * x * x));
    float inner = ROOT_2_OVER_PI * (1 + 3 * 0.044715f * x * x);
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * inner;
}

static float gelu_erf(float x) { return 0.5f * x * (1 + erff(x * 0.7071067811865476f)); }

static float gelu_erf_slope(float x) {
    float density = 0.3989422804014327f * expf(-0.5f * x * x);
    return 0.5f * (1 + erff(x * 0.7071067811865476f)) + x * density;
}

static float silu(float x) { return x / (1 + expf(-x)); }

static float silu_slope(float x) {
    float sigma = 1 / (1 + expf(-x));
    return sigma * (1 + x * (1 - sigma));
}

static float relu(float x) { return x > 0 ? x : 0; }

static float relu_slope(float x) { return x > 0; }

/* Channels i and i + d/2 of each position turn by its angle i; back by the opposite angle. */
static void rotary(float *out, const float *x, const float *cos, const float *sin, int64_t heads,
                   int64_t T, int64_t d, float way) {
    for (int64_t row = 0; row < heads * T; row++, x += d, out += d)
        for (int64_t i = 0; i < d / 2; i++) {
            float c = cos[row % T * (d / 2) + i], s = way * sin[row % T * (d / 2) + i];
            out[i] = x[i] * c - x[i + d / 2] * s;
            out[i + d / 2] = x[i + d / 2] * c + x[i] * s;
        }
}

/* att = softmax(q k^T / sqrt(d)) where the mask is 1, and z = att v, in each head: q (T, d). */
static void attention(float *z, float *att, const float *q, const float *k, const float *v,
                      const uint8_t *mask, int64_t heads, int64_t T, int64_t S, int64_t d) {
    float scale = 1 / sqrtf((float)d);
    for (int64_t row = 0; row < heads * T; row++) {
        int64_t head = row / T, t = row % T;
        float *a = att + row * S, largest = -INFINITY, sum = 0;
        for (int64_t s = 0; s < S; s++) {
            a[s] = -INFINITY;
            if (mask && !mask[t * S + s]) continue;
            a[s] = 0;
            for (int64_t i = 0; i < d; i++) a[s] += q[row * d + i] * k[(head * S + s) * d + i];
            a[s] *= scale;
            largest = fmaxf(largest, a[s]);
        }
        for (int64_t s = 0; s < S; s++) sum += a[s] = expf(a[s] - largest);
        for (int64_t s = 0; s < S; s++) a[s] /= sum;
        for (int64_t i = 0; i < d; i++) {
            z[row * d + i] = 0;
            for (int64_t s = 0; s < S; s++) z[row * d + i] += a[s] * v[(head * S + s) * d + i];
        }
    }
}

/* Adds to dq, dk and dv; datt has room for a row. */
static void attention_backward(float *dq, float *dk, float *dv, float *datt, const float *dz,
                               const float *att, const float *q, const float *k, const float *v,
                               int64_t heads, int64_t T, int64_t S, int64_t d) {
    float scale = 1 / sqrtf((float)d);
    for (int64_t row = 0; row < heads * T; row++) {
        const float *a = att + row * S;
        float along = 0;
        for (int64_t s = 0; s < S; s++) {
            int64_t key = (row / T * S + s) * d;
            datt[s] = 0;
            for (int64_t i = 0; i < d; i++) {
                datt[s] += dz[row * d + i] * v[key + i];
                dv[key + i] += a[s] * dz[row * d + i];
            }
            along += datt[s] * a[s];
        }
        for (int64_t s = 0; s < S; s++) {
            int64_t key = (row / T * S + s) * d;
            float dscore = a[s] * (datt[s] - along) * scale; /* 0 where a[s] is: hidden keys */
            for (int64_t i = 0; i < d; i++) {
                dq[row * d + i] += dscore * k[key + i];
                dk[key + i] += dscore * q[row * d + i];
            }
        }
    }
}

/* The mean of -log softmax(logits)[target], and its gradient; a target of -100 is no target. */
static float cross_entropy(float *losses, float *probs, float *dlogits, const float *logits,
                           const int32_t *targets, int64_t rows, int64_t V) {
    int64_t counted = 0;
    float loss = 0;
    for (int64_t r = 0; r < rows; r++) counted += targets[r] >= 0;
    for (int64_t r = 0; r < rows; r++) {
        float largest = -INFINITY;
        double sum = 0; /* so many terms: in a float they are 5e-6 off */
        for (int64_t v = 0; v < V; v++) largest = fmaxf(largest, logits[r * V + v]);
        for (int64_t v = 0; v < V; v++) sum += expf(logits[r * V + v] - largest);
        for (int64_t v = 0; v < V; v++) {
            probs[r * V + v] = expf(logits[r * V + v] - largest) / (float)sum;
            float right = v == targets[r];
            dlogits[r * V + v] = targets[r] < 0 ? 0 : (probs[r * V + v] - right) / (float)counted;
        }
        losses[r] = targets[r] < 0 ? 0 : logf((float)sum) + largest - logits[r * V + targets[r]];
        loss += losses[r] / (float)counted;
    }
    return loss;
}

/* -- the checks -------------------------------------------------------------------------------- */

static pellucid_file vectors;
static FILE *mine;
static int checked, wrong;

/* Whether the run called a function: vectors of it are there. */
static int has(const char *tensor) { return pellucid_find(&vectors, tensor) != NULL; }

static pellucid_tensor *given(const char *name) {
    pellucid_tensor *found = pellucid_find(&vectors, name);
    if (!found) {
        fprintf(stderr, "main: vectors.bin has no %s\n", name);
        exit(2);
    }
    return found;
}

static const float *floats(const char *name) { return pellucid_floats(&vectors, name, -1); }

static const float *floats_if(const char *name) { return has(name) ? floats(name) : NULL; }

static float *zeros(int64_t count) {
    float *found = calloc((size_t)(count ? count : 1), sizeof *found);
    if (!found) exit(2);
    return found;
}

static int64_t last(const pellucid_tensor *tensor, int axis) {
    return tensor->axes >= axis ? tensor->shape[tensor->axes - axis] : 1;
}

/* Compare what was computed with a vector, dump it under its name in the run, and free it.
   linear.dx and rotary.dx are not dumped: in a whole port the attention's backward begins with the
   one and leads to the other, and here each begins with the run's numbers, which may be an ulp
   away. */
static void check(const char *name, float *numbers) {
    const pellucid_tensor *right = given(name);
    double apart = pellucid_apart(numbers, floats(name), right->count);
    int ok = apart <= FAR;
    printf("%-32s %8.1e %s\n", name, apart, ok ? "" : "WRONG");
    checked++;
    wrong += !ok;
    for (int i = 0; i < PELLUCID_VECTORS; i++)
        if (strcmp(pellucid_vectors[i].name, name) == 0 && strcmp(name, "linear.dx") != 0 &&
            strcmp(name, "rotary.dx") != 0)
            pellucid_dump(mine, pellucid_vectors[i].in_run, numbers, right->axes, right->shape);
    free(numbers);
}

static void check_norms(void) {
    if (has("layer_norm.x")) {
        const pellucid_tensor *x = given("layer_norm.x");
        int64_t n = last(x, 1), rows = x->count / n;
        const float *weight = floats("layer_norm.weight"), *bias = floats_if("layer_norm.bias");
        float *out = zeros(x->count), *dx = zeros(x->count), *dw = zeros(n), *db = zeros(n);
        float eps = floats("layer_norm.eps")[0];
        layer_norm(out, floats("layer_norm.x"), weight, bias, rows, n, eps);
        layer_norm_backward(dx, dw, db, floats("layer_norm.dout"), floats("layer_norm.x"), weight,
                            rows, n, eps);
        check("layer_norm.out", out);
        check("layer_norm.dx", dx);
        check("layer_norm.dweight", dw);
        if (bias) check("layer_norm.dbias", db);
        else free(db);
    }
    if (has("rms_norm.x")) {
        const pellucid_tensor *x = given("rms_norm.x");
        int64_t n = last(x, 1), rows = x->count / n;
        float *out = zeros(x->count), *dx = zeros(x->count), *dw = zeros(n);
        float eps = floats("rms_norm.eps")[0];
        rms_norm(out, floats("rms_norm.x"), floats("rms_norm.weight"), rows, n, eps);
        rms_norm_backward(dx, dw, floats("rms_norm.dout"), floats("rms_norm.x"),
                          floats("rms_norm.weight"), rows, n, eps);
        check("rms_norm.out", out);
        check("rms_norm.dx", dx);
        check("rms_norm.dweight", dw);
    }
}

static void check_linear(void) {
    if (!has("linear.x")) return;
    const pellucid_tensor *x = given("linear.x"), *w = given("linear.weight");
    int64_t in = w->shape[0], outs = w->shape[1], rows = x->count / in;
    const float *bias = floats_if("linear.bias"), *weight = floats("linear.weight");
    float *out = zeros(rows * outs), *dx = zeros(x->count), *dw = zeros(w->count);
    float *db = zeros(outs);
    linear(out, floats("linear.x"), weight, bias, rows, in, outs);
    linear_backward(dx, dw, db, floats("linear.dout"), floats("linear.x"), weight, rows, in, outs);
    check("linear.out", out);
    check("linear.dx", dx);
    check("linear.dweight", dw);
    if (bias) check("linear.dbias", db);
    else free(db);
}

static void check_activation(const char *name, float (*bent)(float), float (*slope)(float)) {
    char x[64], dout[64], out[64], dx[64];
    snprintf(x, sizeof x, "%s.x", name);
    snprintf(dout, sizeof dout, "%s.dout", name);
    snprintf(out, sizeof out, "%s.out", name);
    snprintf(dx, sizeof dx, "%s.dx", name);
    if (!has(x)) return;
    int64_t count = given(x)->count;
    float *y = zeros(count), *back = zeros(count);
    for (int64_t i = 0; i < count; i++) {
        y[i] = bent(floats(x)[i]);
        back[i] = floats(dout)[i] * slope(floats(x)[i]);
    }
    check(out, y);
    check(dx, back);
}

static void check_rotary(void) {
    if (!has("rotary.x")) return;
    const pellucid_tensor *x = given("rotary.x");
    int64_t d = last(x, 1), T = last(x, 2), heads = x->count / (T * d);
    const float *cos = floats("rotary.cos"), *sin = floats("rotary.sin");
    float *out = zeros(x->count), *dx = zeros(x->count);
    rotary(out, floats("rotary.x"), cos, sin, heads, T, d, 1);
    rotary(dx, floats("rotary.dout"), cos, sin, heads, T, d, -1);
    check("rotary.out", out);
    check("rotary.dx", dx);
}

static void check_attention(void) {
    const pellucid_tensor *q = given("scaled_dot_product.q"), *k = given("scaled_dot_product.k");
    int64_t d = last(q, 1), T = last(q, 2), S = last(k, 2), heads = q->count / (T * d);
    const uint8_t *mask = has("scaled_dot_product.mask")
                              ? pellucid_bytes(&vectors, "scaled_dot_product.mask", T * S)
                              : NULL;
    const float *Q = floats("scaled_dot_product.q"), *K = floats("scaled_dot_product.k");
    const float *V = floats("scaled_dot_product.v"), *dz = floats("scaled_dot_product.dz");
    float *z = zeros(q->count), *att = zeros(heads * T * S), *row = zeros(S);
    float *dq = zeros(q->count), *dk = zeros(k->count), *dv = zeros(k->count);
    attention(z, att, Q, K, V, mask, heads, T, S, d);
    attention_backward(dq, dk, dv, row, dz, att, Q, K, V, heads, T, S, d);
    free(row);
    check("scaled_dot_product.att", att);
    check("scaled_dot_product.z", z);
    check("scaled_dot_product.dq", dq);
    check("scaled_dot_product.dk", dk);
    check("scaled_dot_product.dv", dv);
}

static void check_cross_entropy(void) {
    const pellucid_tensor *logits = given("cross_entropy.logits");
    int64_t V = last(logits, 1), rows = logits->count / V;
    const int32_t *targets = pellucid_ints(&vectors, "cross_entropy.targets", rows);
    float *losses = zeros(rows), *probs = zeros(rows * V), *d = zeros(rows * V), *loss = zeros(1);
    *loss = cross_entropy(losses, probs, d, floats("cross_entropy.logits"), targets, rows, V);
    check("cross_entropy.probs", probs);
    check("cross_entropy.losses", losses);
    check("cross_entropy.loss", loss);
    check("cross_entropy.dlogits", d);
}

int main(void) {
    vectors = pellucid_open("vectors.bin");
    mine = pellucid_dump_begin("mine.bin");
    check_norms();
    check_linear();
    check_activation("gelu_tanh", gelu_tanh, gelu_tanh_slope);
    check_activation("gelu_erf", gelu_erf, gelu_erf_slope);
    check_activation("silu", silu, silu_slope);
    check_activation("relu", relu, relu_slope);
    check_rotary();
    check_attention();
    check_cross_entropy();
    pellucid_dump_end(mine);
    pellucid_close(&vectors);
    printf("%d of %d tensors are right; they are in mine.bin\n", checked - wrong, checked);
    return wrong != 0;
}
