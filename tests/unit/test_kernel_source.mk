# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_kernel_source,$(addprefix hypervisor/lib/,kernel_source.c elf.c bzimage.c decompress.c crc.c xxhash.c sha256.c inflate.c xz.c lzma2.c lzma.c bcj.c lz4.c zstd.c zstd_fse.c zstd_literals.c zstd_sequences.c)))
