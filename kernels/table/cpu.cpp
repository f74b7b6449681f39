// The operations of one instruction set, gathered into a table. Compiled once for each.
#include "kernels/operations.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

#define PHASEGRID_DECLARE(name, Name)                        \
  template <class Real> void forward(const Name<Real>&);     \
  template <class Real> void backward(const Name<Real>&);
PHASEGRID_OPERATIONS(PHASEGRID_DECLARE)
template <class Real> void update(const Update<Real>&);
template <class Real> void replica_sum(const ReplicaSum<Real>&);
void exercise(const Exercise&);

template <class Real>
constexpr Operations<Real> table() {
  Operations<Real> t{};
#define PHASEGRID_FILL(name, Name) t.name = {&forward<Real>, &backward<Real>};
  PHASEGRID_OPERATIONS(PHASEGRID_FILL)
  t.update = &update<Real>, t.replica_sum = &replica_sum<Real>, t.exercise = &exercise;
  return t;
}

}  // namespace PHASEGRID_ISA

#define PHASEGRID_JOIN_(a, b) a##b
#define PHASEGRID_JOIN(a, b) PHASEGRID_JOIN_(a, b)
const Operations<float>& PHASEGRID_JOIN(operations_float_, PHASEGRID_ISA)() {
  static constexpr Operations<float> t = table<float>();
  return t;
}
const Operations<double>& PHASEGRID_JOIN(operations_double_, PHASEGRID_ISA)() {
  static constexpr Operations<double> t = table<double>();
  return t;
}

}  // namespace phasegrid::kernels
