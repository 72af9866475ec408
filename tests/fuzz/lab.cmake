# Fuzz targets that need the room lab, and with it nearly everything below.
if(TARGET room_lab)
  modellab_fuzz_test(record SOURCE record_fuzz.c CORPUS corpus/record
    ROOMS os base log track check kernels audio nn models text speech score store remote lab RUNS 20000)
  modellab_fuzz_test(template SOURCE template_fuzz.c CORPUS corpus/template
    ROOMS os base log track check kernels audio nn models text speech score store remote lab RUNS 5000)
  modellab_fuzz_test(experiment SOURCE experiment_fuzz.c CORPUS corpus/experiment
    ROOMS os base log track check kernels audio nn models text speech score store remote lab RUNS 20000)
endif()
