// HD marks a function that runs on host and device; it appears in math.hpp files and in the random numbers.
// PHASEGRID_ISA names the inline namespace of everything that is compiled once per instruction set: the copies must not
// share a symbol, or the linker would keep one of them for all machines.
#pragma once

#if defined(__CUDACC__)
#define HD __host__ __device__
#else
#define HD
#endif

#if !defined(PHASEGRID_ISA)
#define PHASEGRID_ISA common
#endif
