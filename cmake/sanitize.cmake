# PHASEGRID_SANITIZE: what -fsanitize= is to check, in everything we compile.
set(PHASEGRID_SANITIZE "" CACHE STRING "sanitizers: address,undefined or thread")
if(PHASEGRID_SANITIZE)
  add_compile_options(-fsanitize=${PHASEGRID_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PHASEGRID_SANITIZE})
endif()
