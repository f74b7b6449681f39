# Warnings and the one function with which each folder declares its library.
add_library(phasegrid_flags INTERFACE)
target_compile_options(phasegrid_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wno-psabi -Wno-missing-field-initializers -Wno-restrict>)
target_include_directories(phasegrid_flags INTERFACE ${PROJECT_SOURCE_DIR})
# Sums keep their order and comparisons their meaning: no -ffast-math anywhere. These two change no result.
target_compile_options(phasegrid_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno -fno-trapping-math>)

# phasegrid_library(NAME): every .cpp below the calling folder becomes the static library phasegrid_NAME.
function(phasegrid_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(phasegrid_${name} STATIC ${sources})
  target_link_libraries(phasegrid_${name} PUBLIC phasegrid_flags)
endfunction()
