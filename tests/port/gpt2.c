/* Somebody's GPT-2 in C, in which one can make mistakes: what the kit and `pellucid compare` are
   tried on. It knows nothing of Pellucid but the kit's reader, its header and the names of tensors.

       ./gpt2 float32.bin mine.bin [MISTAKE ...]

   Forward, backward and AdamW in float32. Every mistake is made in all layers, and the backward is
   that of the mistaken forward, unless the mistake is one of the backward. */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pellucid.h"
#include "pellucid_pack.h"

enum {
    L = PELLUCID_N_LAYER,
    H = PELLUCID_N_HEAD,
    C = PELLUCID_N_EMBD,
    D = C / H,
    F = PELLUCID_N_INNER,
    V = PELLUCID_VOCAB_SIZE,
    T = PELLUCID_T
};

static int mistakes;
static char **mistake;

static int made(const char *name) {
    for (int i = 0; i < mistakes; i++)
        if (strcmp(mistake[i], name) == 0) return 1;
    return 0;
}

/* -- parameters and the dump ------------------------------------------------------------------- */

typedef struct {
    char name[64];
    int axes;
    int64_t shape[2], count;
    float *w, *g, *m, *v;
} param;

static param params[5 + 12 * L];
static int param_count;
static pellucid_file run;
static FILE *dump; /* NULL while nothing is dumped */

static void read_param(const char *form, ...) {
    param *p = &params[param_count++];
    va_list with;
    va_start(with, form);
    vsnprintf(p->name, sizeof p->name, form, with);
    va_end(with);
    const pellucid_tensor *found = pellucid_find(&run, p->name);
    p->w = pellucid_floats(&run, p->name, -1);
    p->axes = found->axes;
    p->count = found->count;
    memcpy(p->shape, found->shape, sizeof p->shape);
    p->g = calloc((size_t)p->count, sizeof(float));
    p->m = calloc((size_t)p->count, sizeof(float));
    p->v = calloc((size_t)p->count, sizeof(float));
}

static void read_params(void) {
    static const char *const MAPS[] = {"ln_1", "attn.c_attn", "attn.c_proj",
                                       "ln_2", "mlp.c_fc",    "mlp.c_proj"};
    read_param("wte.weight");
    read_param("wpe.weight");
    for (int l = 0; l < L; l++)
        for (int i = 0; i < 6; i++) {
            read_param("h.%d.%s.weight", l, MAPS[i]);
            read_param("h.%d.%s.bias", l, MAPS[i]);
        }
    read_param("ln_f.weight");
    read_param("ln_f.bias");
}

static param *of(const char *at, const char *end) {
    char name[96];
    snprintf(name, sizeof name, "%s.%s", at, end);
    for (int i = 0; i < param_count; i++)
        if (strcmp(params[i].name, name) == 0) return &params[i];
    fprintf(stderr, "gpt2: there is no %s\n", name);
    exit(2);
}

static const char *at(const char *form, ...) {
    static char names[8][96];
    static int next;
    char *name = names[next++ % 8];
    va_list with;
    va_start(with, form);
    vsnprintf(name, sizeof names[0], form, with);
    va_end(with);
    return name;
}

static void put(const char *name, const float *numbers, int axes, const int64_t *shape) {
    if (dump) pellucid_dump(dump, name, numbers, axes, shape);
}

/* -- functions --------------------------------------------------------------------------------- */

typedef struct {
    float mean[T], variance[T], rstd[T], xhat[T][C];
} norm_cache;

static void layer_norm(const char *name, float out[T][C], float x[T][C], norm_cache *c) {
    const float *weight = of(name, "weight")->w, *bias = of(name, "bias")->w;
    float eps = made("eps_1e-6") ? 1e-6f : (float)PELLUCID_EPS;
    int n = made("variance_n_minus_1") ? C - 1 : C;
    for (int t = 0; t < T; t++) {
        float mean = 0, variance = 0;
        for (int i = 0; i < C; i++) mean += x[t][i] / C;
        for (int i = 0; i < C; i++) variance += (x[t][i] - mean) * (x[t][i] - mean) / (float)n;
        float rstd = 1 / sqrtf(variance + eps);
        if (made("eps_outside_root")) rstd = 1 / (sqrtf(variance) + eps);
        for (int i = 0; i < C; i++) {
            c->xhat[t][i] = (x[t][i] - mean) * rstd;
            out[t][i] = c->xhat[t][i] * weight[i] + (made("no_ln_bias") ? 0 : bias[i]);
        }
        c->mean[t] = mean;
        c->variance[t] = variance;
        c->rstd[t] = rstd;
    }
    put(at("%s.mean", name), c->mean, SHAPE(T, 1));
    put(at("%s.variance", name), c->variance, SHAPE(T, 1));
    put(at("%s.rstd", name), c->rstd, SHAPE(T, 1));
    put(at("%s.xhat", name), c->xhat[0], SHAPE(T, C));
    put(at("%s.out", name), out[0], SHAPE(T, C));
}

static void layer_norm_backward(const char *name, float dx[T][C], float dout[T][C],
                                norm_cache *c) {
    param *weight = of(name, "weight"), *bias = of(name, "bias");
    float n = made("variance_n_minus_1") ? C - 1 : C;
    put(at("d%s.out", name), dout[0], SHAPE(T, C));
    for (int t = 0; t < T; t++) {
        float first = 0, second = 0;
        for (int i = 0; i < C; i++) {
            float dxhat = dout[t][i] * weight->w[i];
            first += dxhat / C;
            second += dxhat * c->xhat[t][i] / n;
            weight->g[i] += dout[t][i] * c->xhat[t][i];
            if (!made("no_ln_bias")) bias->g[i] += dout[t][i];
        }
        if (made("eps_outside_root")) second /= 1 - (float)PELLUCID_EPS * c->rstd[t];
        if (made("ln_backward_no_first_mean")) first = 0;
        if (made("ln_backward_no_second_mean")) second = 0;
        for (int i = 0; i < C; i++)
            dx[t][i] = c->rstd[t] * (dout[t][i] * weight->w[i] - first - c->xhat[t][i] * second);
    }
}

/* Where a weight stands: (in, out), row by row. */
static int64_t place(const char *name, int64_t i, int64_t o, int64_t in, int64_t outs) {
    if (made("transposed_weight") && strstr(name, "c_fc")) return o * in + i;
    return i * outs + o;
}

static const char *weights_of(const char *name) {
    const char *c_fc = strstr(name, ".mlp.c_fc");
    return c_fc && made("layer_0_for_all") ? "h.0.mlp.c_fc" : name;
}

static void linear(const char *name, float *out, const float *x, int64_t in, int64_t outs) {
    const float *weight = of(weights_of(name), "weight")->w;
    const float *bias = of(weights_of(name), "bias")->w;
    int64_t end = made("last_channel_missed") ? in - 1 : in;
    for (int64_t t = 0; t < T; t++)
        for (int64_t o = 0; o < outs; o++) {
            float sum = 0;
            for (int64_t i = 0; i < end; i++)
                sum += x[t * in + i] * weight[place(name, i, o, in, outs)];
            if (!(made("no_bias") && strstr(name, "c_fc"))) sum += bias[o];
            out[t * outs + o] = sum;
        }
    put(at("%s.out", name), out, SHAPE(T, outs));
}

static void linear_backward(const char *name, float *dx, const float *dout, const float *x,
                            int64_t in, int64_t outs) {
    param *weight = of(weights_of(name), "weight"), *bias = of(weights_of(name), "bias");
    int64_t end = made("last_channel_missed") ? in - 1 : in;
    for (int64_t t = 0; t < T; t++) {
        for (int64_t i = 0; i < in; i++) dx[t * in + i] = 0;
        for (int64_t i = 0; i < end; i++)
            for (int64_t o = 0; o < outs; o++) {
                int64_t p = place(name, i, o, in, outs);
                dx[t * in + i] += dout[t * outs + o] * weight->w[p];
                weight->g[p] += x[t * in + i] * dout[t * outs + o];
            }
        for (int64_t o = 0; o < outs; o++)
            if (!(made("no_bias") && strstr(name, "c_fc"))) bias->g[o] += dout[t * outs + o];
    }
}

static const float ROOT = 0.7978845608028654f; /* of 2/pi */

static float gelu(float x) {
    if (made("gelu_erf")) return 0.5f * x * (1 + erff(x / sqrtf(2)));
    if (made("silu")) return x / (1 + expf(-x));
    float half = made("integer_division") ? 1 / 2 : 0.5f;
    return half * x * (1 + tanhf(ROOT * (x + 0.044715f * x * x * x)));
}

static float gelu_slope(float x) {
    if (made("gelu_erf"))
        return 0.5f * (1 + erff(x / sqrtf(2))) + x * expf(-0.5f * x * x) * 0.3989422804014327f;
    if (made("integer_division")) return 0;
    if (made("silu")) return 1 / (1 + expf(-x)) * (1 + x * (1 - 1 / (1 + expf(-x))));
    float t = tanhf(ROOT * (x + 0.044715f * x * x * x));
    float inner = ROOT * (1 + 3 * 0.044715f * x * x);
    return 0.5f * (1 + t + x * (made("no_tanh_slope") ? 1 - t : 1 - t * t) * inner);
}

/* -- attention --------------------------------------------------------------------------------- */

typedef struct {
    float qkv[T][3 * C], q[H][T][D], k[H][T][D], v[H][T][D], scores[H][T][T], att[H][T][T];
    float z[H][T][D], merged[T][C];
} attention_cache;

static int channel(int h, int i) { return made("heads_interleaved") ? i * H + h : h * D + i; }

/* Which third of c_attn's output is what. */
static int third(char part) {
    const char *order = made("qkv_order_kqv") ? "kqv" : made("qkv_order_vkq") ? "vkq" : "qkv";
    return (int)(strchr(order, part) - order) * C;
}

static float scale(void) {
    if (made("no_scale")) return 1;
    if (made("scale_by_d")) return 1.0f / D;
    return 1 / sqrtf(made("scale_by_width") ? C : D);
}

static int hidden(int t, int s) {
    if (made("mask_off_by_one_ahead")) return s > t + 1;
    if (made("mask_off_by_one_behind")) return t > 0 ? s >= t : s > 0;
    return s > t;
}

static float *merged_at(float merged[T][C], int h, int t, int i) {
    float *all = merged[0];
    return all + (made("heads_merged_wrongly") ? (h * T + t) * D + i : t * C + channel(h, i));
}

static void attention(const char *h, float out[T][C], float x[T][C], attention_cache *c) {
    linear(at("%s.attn.c_attn", h), c->qkv[0], x[0], C, 3 * C);
    put(at("%s.attn.qkv", h), c->qkv[0], SHAPE(T, 3 * C));
    for (int n = 0; n < H; n++)
        for (int t = 0; t < T; t++)
            for (int i = 0; i < D; i++) {
                c->q[n][t][i] = c->qkv[t][third('q') + channel(n, i)];
                c->k[n][t][i] = c->qkv[t][third('k') + channel(n, i)];
                c->v[n][t][i] = c->qkv[t][third('v') + channel(n, i)];
            }
    for (int n = 0; n < H; n++)
        for (int t = 0; t < T; t++) {
            float largest = -INFINITY, sum = 0;
            for (int s = 0; s < T; s++) {
                float score = 0;
                for (int i = 0; i < D; i++) score += c->q[n][t][i] * c->k[n][s][i];
                c->scores[n][t][s] = hidden(t, s) ? -INFINITY : score * scale();
                largest = fmaxf(largest, c->scores[n][t][s]);
            }
            if (made("softmax_without_largest")) largest = 0; /* right, where nothing overflows */
            for (int s = 0; s < T; s++) sum += expf(c->scores[n][t][s] - largest);
            for (int s = 0; s < T; s++)
                c->att[n][t][s] = expf(c->scores[n][t][s] - largest) / sum;
            if (made("scores_overwritten"))
                memcpy(c->scores[n][t], c->att[n][t], sizeof c->att[n][t]);
            for (int i = 0; i < D; i++) {
                c->z[n][t][i] = 0;
                for (int s = 0; s < T; s++) c->z[n][t][i] += c->att[n][t][s] * c->v[n][s][i];
                *merged_at(c->merged, n, t, i) = c->z[n][t][i];
            }
        }
    put(at("%s.attn.q", h), c->q[0][0], SHAPE(H, T, D));
    put(at("%s.attn.k", h), c->k[0][0], SHAPE(H, T, D));
    put(at("%s.attn.v", h), c->v[0][0], SHAPE(H, T, D));
    put(at("%s.attn.scores", h), c->scores[0][0], SHAPE(H, T, T));
    put(at("%s.attn.att", h), c->att[0][0], SHAPE(H, T, T));
    put(at("%s.attn.z", h), c->z[0][0], SHAPE(H, T, D));
    put(at("%s.attn.merged", h), c->merged[0], SHAPE(T, C));
    linear(at("%s.attn.c_proj", h), out[0], c->merged[0], C, C);
}

static void attention_backward(const char *h, float dx[T][C], float dout[T][C], float x[T][C],
                               attention_cache *c) {
    static attention_cache d;
    memset(&d, 0, sizeof d);
    linear_backward(at("%s.attn.c_proj", h), d.merged[0], dout[0], c->merged[0], C, C);
    float(*q)[T][D] = made("q_and_k_exchanged") ? c->k : c->q;
    float(*k)[T][D] = made("q_and_k_exchanged") ? c->q : c->k;
    for (int n = 0; n < H; n++)
        for (int t = 0; t < T; t++) {
            float along = 0;
            for (int i = 0; i < D; i++) d.z[n][t][i] = *merged_at(d.merged, n, t, i);
            for (int s = 0; s < T; s++) {
                for (int i = 0; i < D; i++) {
                    d.att[n][t][s] += d.z[n][t][i] * c->v[n][s][i];
                    d.v[n][s][i] += c->att[n][t][s] * d.z[n][t][i];
                }
                along += d.att[n][t][s] * c->att[n][t][s];
            }
            if (made("no_softmax_sum")) along = 0;
            for (int s = 0; s < T; s++) {
                d.scores[n][t][s] = c->att[n][t][s] * (d.att[n][t][s] - along);
                float dscore = d.scores[n][t][s] * (made("no_scale_backward") ? 1 : scale());
                for (int i = 0; i < D; i++) {
                    d.q[n][t][i] += dscore * k[n][s][i];
                    d.k[n][s][i] += dscore * q[n][t][i];
                }
            }
        }
    for (int n = 0; n < H; n++)
        for (int t = 0; t < T; t++)
            for (int i = 0; i < D; i++) {
                d.qkv[t][third('q') + channel(n, i)] = d.q[n][t][i];
                d.qkv[t][third('k') + channel(n, i)] = d.k[n][t][i];
                d.qkv[t][third('v') + channel(n, i)] = d.v[n][t][i];
            }
    put(at("d%s.attn.merged", h), d.merged[0], SHAPE(T, C));
    put(at("d%s.attn.z", h), d.z[0][0], SHAPE(H, T, D));
    put(at("d%s.attn.att", h), d.att[0][0], SHAPE(H, T, T));
    put(at("d%s.attn.v", h), d.v[0][0], SHAPE(H, T, D));
    put(at("d%s.attn.scores", h), d.scores[0][0], SHAPE(H, T, T));
    put(at("d%s.attn.q", h), d.q[0][0], SHAPE(H, T, D));
    put(at("d%s.attn.k", h), d.k[0][0], SHAPE(H, T, D));
    put(at("d%s.attn.qkv", h), d.qkv[0], SHAPE(T, 3 * C));
    linear_backward(at("%s.attn.c_attn", h), dx[0], d.qkv[0], x[0], C, 3 * C);
}

/* -- the model --------------------------------------------------------------------------------- */

static struct {
    float pre[T][C], normed[T][C], mid[T][C], normed_2[T][C], inner[T][F], bent[T][F];
    norm_cache ln_1, ln_2;
    attention_cache attn;
} layers[L];
static float last[T][C], normed_last[T][C], logits[T][V], probs[T][V], dlogits[T][V];
static norm_cache ln_f;
static int targets[T];

/* x = x * kept + more */
static void add(float *x, const float *more, int kept, int count) {
    for (int i = 0; i < count; i++) x[i] = (kept ? x[i] : 0) + more[i];
}

static float forward(void) {
    static float rows[T][C], embedded[T][C], x[T][C], more[T][C], losses[T];
    const float *wte = of("wte", "weight")->w, *wpe = of("wpe", "weight")->w;
    int from = made("position_from_1");
    for (int t = 0; t < T; t++)
        for (int i = 0; i < C; i++) {
            embedded[t][i] = wte[pellucid_tokens[t] * C + i];
            rows[t][i] = wpe[(t + from) * C + i];
            x[t][i] = embedded[t][i] + rows[t][i];
        }
    put("embed.out", embedded[0], SHAPE(T, C));
    put("wpe.rows", rows[0], SHAPE(T, C));
    put("wpe.out", x[0], SHAPE(T, C));
    for (int l = 0; l < L; l++) {
        const char *h = at("h.%d", l);
        char own[16];
        strcpy(own, h);
        memcpy(layers[l].pre, x, sizeof x);
        put(at("%s.resid_pre", own), x[0], SHAPE(T, C));
        layer_norm(at("%s.ln_1", own), layers[l].normed, x, &layers[l].ln_1);
        attention(own, more, layers[l].normed, &layers[l].attn);
        add(x[0], more[0], !made("residual_skipped"), T * C);
        memcpy(layers[l].mid, x, sizeof x);
        put(at("%s.resid_mid", own), x[0], SHAPE(T, C));
        layer_norm(at("%s.ln_2", own), layers[l].normed_2, x, &layers[l].ln_2);
        linear(at("%s.mlp.c_fc", own), layers[l].inner[0], layers[l].normed_2[0], C, F);
        for (int t = 0; t < T; t++)
            for (int i = 0; i < F; i++) layers[l].bent[t][i] = gelu(layers[l].inner[t][i]);
        put(at("%s.mlp.act.out", own), layers[l].bent[0], SHAPE(T, F));
        linear(at("%s.mlp.c_proj", own), more[0], layers[l].bent[0], F, C);
        add(x[0], more[0], 1, T * C);
        put(at("%s.resid_post", own), x[0], SHAPE(T, C));
    }
    memcpy(last, x, sizeof x);
    layer_norm("ln_f", normed_last, x, &ln_f);
    float loss = 0;
    for (int t = 0; t < T; t++) {
        targets[t] = made("unshifted_targets") ? pellucid_tokens[t] : pellucid_targets[t];
        float largest = -INFINITY, sum = 0;
        for (int v = 0; v < V; v++) {
            logits[t][v] = 0;
            for (int i = 0; i < C; i++) logits[t][v] += normed_last[t][i] * wte[v * C + i];
            largest = fmaxf(largest, logits[t][v]);
        }
        for (int v = 0; v < V; v++) sum += expf(logits[t][v] - largest);
        for (int v = 0; v < V; v++) probs[t][v] = expf(logits[t][v] - largest) / sum;
        losses[t] = -logf(probs[t][targets[t]]);
        loss += losses[t] / (made("loss_summed") ? 1 : T);
    }
    put("logits", logits[0], SHAPE(T, V));
    put("probs", probs[0], SHAPE(T, V));
    put("losses", losses, SHAPE(T));
    put("loss", &loss, 0, NULL);
    return loss;
}

static void backward(void) {
    static float dx[T][C], dnormed[T][C], dmore[T][C], dbent[T][F], dinner[T][F];
    param *wte = of("wte", "weight"), *wpe = of("wpe", "weight");
    for (int p = 0; p < param_count && !made("grads_not_zeroed"); p++)
        memset(params[p].g, 0, (size_t)params[p].count * sizeof(float));
    memset(dnormed, 0, sizeof dnormed);
    for (int t = 0; t < T; t++)
        for (int v = 0; v < V; v++) {
            dlogits[t][v] = (probs[t][v] - (v == targets[t])) / (made("loss_summed") ? 1 : T);
            for (int i = 0; i < C; i++) {
                dnormed[t][i] += dlogits[t][v] * wte->w[v * C + i];
                if (!made("grad_without_tied_head"))
                    wte->g[v * C + i] += dlogits[t][v] * normed_last[t][i];
            }
        }
    put("dlogits", dlogits[0], SHAPE(T, V));
    layer_norm_backward("ln_f", dx, dnormed, &ln_f);
    for (int l = L - 1; l >= 0; l--) {
        char own[16];
        strcpy(own, at("h.%d", l));
        put(at("d%s.resid_post", own), dx[0], SHAPE(T, C));
        linear_backward(at("%s.mlp.c_proj", own), dbent[0], dx[0], layers[l].bent[0], F, C);
        for (int t = 0; t < T; t++)
            for (int i = 0; i < F; i++)
                dinner[t][i] = dbent[t][i] * gelu_slope(layers[l].inner[t][i]);
        put(at("d%s.mlp.act.out", own), dbent[0], SHAPE(T, F));
        put(at("d%s.mlp.c_fc.out", own), dinner[0], SHAPE(T, F));
        linear_backward(at("%s.mlp.c_fc", own), dnormed[0], dinner[0], layers[l].normed_2[0], C, F);
        layer_norm_backward(at("%s.ln_2", own), dmore, dnormed, &layers[l].ln_2);
        add(dx[0], dmore[0], !made("gradient_not_added"), T * C);
        put(at("d%s.resid_mid", own), dx[0], SHAPE(T, C));
        attention_backward(own, dnormed, dx, layers[l].normed, &layers[l].attn);
        if (made("residual_skipped")) memset(dx, 0, sizeof dx);
        layer_norm_backward(at("%s.ln_1", own), dmore, dnormed, &layers[l].ln_1);
        add(dx[0], dmore[0], 1, T * C);
        put(at("d%s.resid_pre", own), dx[0], SHAPE(T, C));
    }
    for (int t = 0; t < T && !made("grad_without_embedding"); t++)
        for (int i = 0; i < C; i++) {
            float *g = &wte->g[pellucid_tokens[t] * C + i];
            *g = made("gradient_assigned") ? dx[t][i] : *g + dx[t][i];
        }
    for (int t = 0; t < T; t++)
        for (int i = 0; i < C; i++)
            wpe->g[(t + made("position_from_1")) * C + i] += dx[t][i];
    for (int p = 0; p < param_count; p++)
        put(at("d%s", params[p].name), params[p].g, params[p].axes, params[p].shape);
}

static void update(int step, const char *prefix) {
    const float rate = (float)PELLUCID_UPDATE_LEARNING_RATE, eps = (float)PELLUCID_UPDATE_EPS;
    const float beta1 = (float)PELLUCID_UPDATE_BETAS1, beta2 = (float)PELLUCID_UPDATE_BETAS2;
    int count = step + made("bias_correction_ahead") - made("bias_correction_behind");
    for (int n = 0; n < param_count; n++) {
        param *p = &params[n];
        float decay = p->axes == 2 ? (float)PELLUCID_UPDATE_WEIGHT_DECAY : 0;
        for (int64_t i = 0; i < p->count; i++) {
            float g = p->g[i] + (made("adam_l2") ? decay * p->w[i] : 0);
            p->m[i] = beta1 * p->m[i] + (1 - beta1) * g;
            p->v[i] = beta2 * p->v[i] + (1 - beta2) * g * g;
            float m = p->m[i] / (1 - powf(beta1, (float)count));
            float v = p->v[i] / (1 - powf(beta2, (float)count));
            if (made("no_bias_correction")) m = p->m[i], v = p->v[i];
            float moved = m / (sqrtf(v) + eps) + (made("adam_l2") ? 0 : decay * p->w[i]);
            p->w[i] -= rate * moved;
        }
        if (!prefix) continue;
        pellucid_dump(dump, at("%s%s.m", prefix, p->name), p->m, p->axes, p->shape);
        pellucid_dump(dump, at("%s%s.v", prefix, p->name), p->v, p->axes, p->shape);
        pellucid_dump(dump, at("%s%s.new", prefix, p->name), p->w, p->axes, p->shape);
    }
}

int main(int words, char **word) {
    if (words < 3 || PELLUCID_B != 1) {
        fprintf(stderr, "gpt2: one text, and float32.bin mine.bin [MISTAKE ...]\n");
        return 2;
    }
    mistakes = words - 3;
    mistake = word + 3;
    run = pellucid_open(word[1]);
    read_params();
    FILE *file = dump = pellucid_dump_begin(word[2]);
    pellucid_dump_as(dump, "tokens", "int32", pellucid_tokens, SHAPE(T));
    for (int p = 0; p < param_count; p++)
        put(params[p].name, params[p].w, params[p].axes, params[p].shape);
    float losses[PELLUCID_STEPS];
    for (int step = 1; step <= PELLUCID_STEPS; step++) {
        losses[step - 1] = forward();
        backward();
        dump = file;
        char later[32];
        snprintf(later, sizeof later, "step.%d.", PELLUCID_STEPS);
        update(step, step == 1 ? "" : step == PELLUCID_STEPS ? later : NULL);
        dump = NULL; /* the activations of the first step alone */
    }
    pellucid_dump(file, "step.losses", losses, SHAPE(PELLUCID_STEPS));
    pellucid_dump_end(file);
    for (int p = 0; p < param_count; p++) {
        free(params[p].g);
        free(params[p].m);
        free(params[p].v);
    }
    pellucid_close(&run);
    return 0;
}
