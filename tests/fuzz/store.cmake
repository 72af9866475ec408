modellab_fuzz_test(journal SOURCE journal_fuzz.c CORPUS corpus/journal ROOMS os base store)
modellab_fuzz_test(zip SOURCE zip_fuzz.c CORPUS corpus/zip ROOMS os base store)
