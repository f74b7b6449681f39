// CRC-32C (Castagnoli), the checksum of journal lines and bulk blocks: polynomial 0x1EDC6F41, bits reflected.
// Test vectors: RFC 3720, B.4.
#pragma once
#include <cstdint>
#include <string_view>

namespace phasegrid::results {

std::uint32_t crc32c(std::string_view bytes);  // crc32c("123456789") == 0xE3069283

}  // namespace phasegrid::results
