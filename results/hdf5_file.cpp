#include "results/hdf5_file.hpp"

#include <hdf5.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "results/file.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::results {

static_assert(std::is_same_v<hid_t, std::int64_t>);

Handle::Handle(std::int64_t id, Close close, const std::string& what) : id_(id), close_(close) {
  if (id < 0) throw RunError("HDF5 cannot " + what);
}

Handle& Handle::operator=(Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(close_, other.close_);
  return *this;
}

Handle::~Handle() {
  if (id_ >= 0) close_(id_);
}

void check(int status, const std::string& what) {
  if (status < 0) throw RunError("HDF5 cannot " + what);
}

Handle text_type() {
  Handle type{H5Tcopy(H5T_C_S1), H5Tclose, "make a type"};
  check(H5Tset_size(type.get(), H5T_VARIABLE), "make a type");
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "make a type");
  return type;
}

Handle property_list(std::int64_t kind) { return {H5Pcreate(kind), H5Pclose, "make a property list"}; }

namespace {

constexpr std::size_t kGrowth = 4 << 20;

void be_quiet() { check(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), "be quiet"); }  // errors become exceptions

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in) throw_system(path, "cannot read", errno);
  return std::move(bytes).str();
}

}  // namespace

Handle open_for_reading(const std::filesystem::path& path) {
  be_quiet();
  if (!std::filesystem::exists(path)) throw RunError(path.string() + ": does not exist, expected an HDF5 file");
  if (H5Fis_hdf5(path.c_str()) <= 0) throw RunError(path.string() + ": cannot be read as HDF5");
  const Handle access = property_list(H5P_FILE_ACCESS);
  check(H5Pset_file_locking(access.get(), false, true),
        "open without a lock");  // reading needs none, some file systems have none
  return {H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, "open " + path.string()};
}

MemoryFile::MemoryFile(const std::filesystem::path& path) {
  be_quiet();
  std::string image = bytes_of(path);
  const Handle access = property_list(H5P_FILE_ACCESS);
  check(H5Pset_fapl_core(access.get(), kGrowth, false), "work in memory");
  check(H5Pset_file_image(access.get(), image.data(), image.size()), "take the bytes of " + path.string());
  file_ = Handle{H5Fopen("in memory", H5F_ACC_RDWR, access.get()), H5Fclose, "open " + path.string()};
}

MemoryFile::MemoryFile() {
  be_quiet();
  const Handle access = property_list(H5P_FILE_ACCESS), creation = property_list(H5P_FILE_CREATE);
  check(H5Pset_fapl_core(access.get(), kGrowth, false), "work in memory");
  check(H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "order names");
  file_ = Handle{H5Fcreate("in memory", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose, "make a file"};
}

void MemoryFile::save(const std::filesystem::path& path) const {
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "flush " + path.string());
  const ssize_t size = H5Fget_file_image(file_.get(), nullptr, 0);
  check(size > 0 ? 0 : -1, "give the bytes of " + path.string());
  std::string image(static_cast<std::size_t>(size), '\0');
  check(H5Fget_file_image(file_.get(), image.data(), image.size()) == size ? 0 : -1,
        "give the bytes of " + path.string());
  replace_file(path, image);
}

}  // namespace phasegrid::results
