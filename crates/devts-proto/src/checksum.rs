//! CRC-32C (Castagnoli, RFC 3720 appendix B.4) in portable code: the check at the end of plaintext frames.
//! Hosts hand the engine a faster one through [`crate::Config::checksum`]; this is the default and the test's oracle.

/// Continues the checksum `crc` of what came before over `bytes`; start with 0.
pub type Checksum = fn(crc: u32, bytes: &[u8]) -> u32;

const POLYNOMIAL: u32 = 0x82F6_3B78;

const TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The portable CRC-32C, a byte at a time.
pub fn crc32c(crc: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!crc, |crc, byte| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::crc32c;
    use alloc::vec::Vec;

    #[test]
    fn agrees_with_the_standard_and_with_the_fast_one() {
        assert_eq!(crc32c(0, b"123456789"), 0xE306_9283); // RFC 3720 B.4's check value
        let bytes: Vec<u8> = (0..1000u32).map(|n| (n * 7) as u8).collect();
        assert_eq!(crc32c(crc32c(0, &bytes[..333]), &bytes[333..]), ::crc32c::crc32c(&bytes));
    }
}
