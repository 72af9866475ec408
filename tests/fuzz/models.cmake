# Fuzz targets of model files and tokenizers. make_model_corpus writes their seeds (by hand).
set(synthetic ${PROJECT_SOURCE_DIR}/tests/unit/models/synthetic.c
  ${PROJECT_SOURCE_DIR}/tests/unit/models/synthetic_formats.c)
foreach(format ct2 ggml safetensors)
  modellab_fuzz_test(${format} SOURCE weights_fuzz.c CORPUS corpus/${format} ROOMS os base models
    DEPS dep::jansson RUNS 20000)
endforeach()
modellab_fuzz_test(onnx SOURCE onnx_fuzz.c CORPUS corpus/onnx ROOMS os base models
  DEPS dep::jansson RUNS 20000)
modellab_fuzz_test(piper SOURCE piper_fuzz.c CORPUS corpus/piper ROOMS os base kernels audio nn models text speech
  DEPS dep::jansson dep::sndfile dep::soxr dep::zlib RUNS 2000)
modellab_fuzz_test(voice_image SOURCE voice_image_fuzz.c CORPUS corpus/voice_image
  ROOMS os base kernels audio nn models text speech DEPS dep::jansson dep::sndfile dep::soxr dep::zlib RUNS 2000)
modellab_fuzz_test(torch SOURCE torch_fuzz.c CORPUS corpus/torch ROOMS os base models
  DEPS dep::jansson RUNS 20000)
modellab_fuzz_test(image SOURCE image_fuzz.c CORPUS corpus/image ROOMS os base models
  DEPS dep::jansson RUNS 20000)
modellab_fuzz_test(tokenizer SOURCE tokenizer_fuzz.c CORPUS corpus/tokenizer ROOMS os base models text
  DEPS dep::jansson RUNS 10000)
target_sources(replay_tokenizer PRIVATE ${synthetic})
if(TARGET fuzz_tokenizer)
  target_sources(fuzz_tokenizer PRIVATE ${synthetic})
endif()

add_executable(make_model_corpus EXCLUDE_FROM_ALL make_model_corpus.c ${synthetic}
  ${PROJECT_SOURCE_DIR}/tests/unit/models/onnx_writer.c ${PROJECT_SOURCE_DIR}/tests/unit/models/torch_writer.c)
modellab_use_rooms(make_model_corpus os base models text)
target_include_directories(make_model_corpus PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_SOURCE_DIR}/tests)
target_compile_definitions(make_model_corpus PRIVATE MODELLAB_BUILDING)
target_link_libraries(make_model_corpus PRIVATE dep::jansson Threads::Threads m)
