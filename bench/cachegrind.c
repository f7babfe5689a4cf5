/* 1x1 convolutions in fp32, in several orders of loops, for cachegrind.
 *
 *   cachegrind none SIDE 64 64     only makes the input and the weights
 *   cachegrind ORDER SIDE 64 64    one convolution; ORDER is planes, pixels, rows, place or last
 *   cachegrind last SIDE C0 C1 ..  a chain of convolutions, each into a map of its own
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef float number;

static number *made(size_t count, int period)
{
    number *values = malloc(count * sizeof(number));
    for (size_t i = 0; i < count; i++) values[i] = (number)(i % period);
    return values;
}

/* channels first: maps are (channel, place) */
static void planes(const number *in, const number *w, number *out, int before, int after, int n)
{
    for (int o = 0; o < after; o++)
        for (int i = 0; i < before; i++)
            for (int p = 0; p < n; p++) out[o * n + p] += w[o * before + i] * in[i * n + p];
}

static void pixels(const number *in, const number *w, number *out, int before, int after, int n)
{
    for (int o = 0; o < after; o++)
        for (int p = 0; p < n; p++) {
            number sum = 0;
            for (int i = 0; i < before; i++) sum += w[o * before + i] * in[i * n + p];
            out[o * n + p] = sum;
        }
}

static void rows(const number *in, const number *w, number *out, int before, int after, int n, int side)
{
    for (int o = 0; o < after; o++)
        for (int y = 0; y < n; y += side)
            for (int i = 0; i < before; i++)
                for (int p = y; p < y + side; p++) out[o * n + p] += w[o * before + i] * in[i * n + p];
}

static void place(const number *in, const number *w, number *out, int before, int after, int n)
{
    for (int p = 0; p < n; p++)
        for (int o = 0; o < after; o++) {
            number sum = 0;
            for (int i = 0; i < before; i++) sum += w[o * before + i] * in[i * n + p];
            out[o * n + p] = sum;
        }
}

/* channels last: maps are (place, channel) */
static void last(const number *in, const number *w, number *out, int before, int after, int n)
{
    for (int p = 0; p < n; p++)
        for (int o = 0; o < after; o++) {
            number sum = 0;
            for (int i = 0; i < before; i++) sum += w[o * before + i] * in[p * before + i];
            out[p * after + o] = sum;
        }
}

int main(int argc, char **argv)
{
    if (argc < 5) return 2;
    const char *order = argv[1];
    int side = atoi(argv[2]), n = side * side, before = atoi(argv[3]);
    number *in = made((size_t)before * n, 7), *out = in;
    number *weights[32];
    for (int k = 4; k < argc; k++) weights[k] = made((size_t)atoi(argv[k - 1]) * atoi(argv[k]), 5);
    for (int k = 4; k < argc && strcmp(order, "none"); k++, in = out) {
        int after = atoi(argv[k]);
        out = calloc((size_t)after * n, sizeof(number));
        if (!strcmp(order, "planes")) planes(in, weights[k], out, before, after, n);
        else if (!strcmp(order, "pixels")) pixels(in, weights[k], out, before, after, n);
        else if (!strcmp(order, "rows")) rows(in, weights[k], out, before, after, n, side);
        else if (!strcmp(order, "place")) place(in, weights[k], out, before, after, n);
        else if (!strcmp(order, "last")) last(in, weights[k], out, before, after, n);
        else return 2;
        before = after;
    }
    printf("%g\n", (double)out[n / 2]);
    return 0;
}
