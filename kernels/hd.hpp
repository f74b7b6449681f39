// HD marks a function that runs on host and device; it appears in math.hpp files and in the random numbers.
#pragma once

#if defined(__CUDACC__)
#define HD __host__ __device__
#else
#define HD
#endif
