#include "kernels.h"

/* Executes a compiled program: step after step the words (slot in the function table, number of words that follow, the
 * step's own args). One call of this runs a whole model on a whole batch. */
struct run_args {
    const int32_t *program; /* [words] */
    int32_t words;
};

KERNEL(k_run) {
    const struct run_args *a = (const void *)args;
    const int32_t *end = a->program + a->words;
    for (const int32_t *word = a->program; word < end; word += 2 + word[1]) {
        void (*kernel)(const int32_t *) = (void (*)(const int32_t *))(uintptr_t)word[0];
        kernel(word + 2);
    }
}
