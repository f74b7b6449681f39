# Warnings and the one function with which each folder declares its library.
add_library(phasegrid_flags INTERFACE)
target_compile_options(phasegrid_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wno-psabi -Wno-missing-field-initializers -Wno-restrict>)
target_include_directories(phasegrid_flags INTERFACE ${PROJECT_SOURCE_DIR})
# Sums keep their order and comparisons their meaning: no -ffast-math anywhere. These two change no result.
target_compile_options(phasegrid_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno -fno-trapping-math>)

# phasegrid_library(NAME): every .cpp below the calling folder becomes the static library phasegrid_NAME; with the CUDA backend every
# .cu, too, instead of device/none.cpp, which says that there is none.
function(phasegrid_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(PHASEGRID_CUDA_BACKEND)
    list(FILTER sources EXCLUDE REGEX "/device/none\\.cpp$")
  endif()
  add_library(phasegrid_${name} STATIC ${sources})
  target_link_libraries(phasegrid_${name} PUBLIC phasegrid_flags)
  if(PHASEGRID_CUDA_BACKEND)
    phasegrid_cuda(phasegrid_${name})
  endif()
endfunction()
