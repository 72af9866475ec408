# Fuzz targets that need the room lab, and with it nearly everything below.
if(TARGET room_lab)
  modellab_fuzz_test(record SOURCE record_fuzz.c CORPUS corpus/record
    ROOMS os base log track check kernels audio nn models text speech score store remote lab RUNS 20000)
endif()
