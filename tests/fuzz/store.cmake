modellab_fuzz_test(journal SOURCE journal_fuzz.c CORPUS corpus/journal ROOMS os base store)
