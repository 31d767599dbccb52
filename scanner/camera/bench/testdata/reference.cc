// Reads gray pictures with Debian's zxing-cpp and zbar. Each line of stdin is
// the path of a binary PGM. For each one line of stdout: the CPU time of
// reading alone in microseconds and what was read in hex, comma-separated, of
// zxing-cpp; then the same of zbar.
#include <zbar.h>  // before ZXing, whose macros break it
#define ZX_USE_UTF8 1
#include <ZXing/ReadBarcode.h>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

static double cpu_us() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static std::string hex(const char *p, size_t n) {
  std::string s;
  char b[3];
  for (size_t i = 0; i < n; i++) {
    snprintf(b, sizeof b, "%02x", (unsigned char)p[i]);
    s += b;
  }
  return s;
}

static std::string join(const std::vector<std::string> &all) {
  std::string s;
  for (auto &a : all) s += (s.empty() ? "" : ",") + a;
  return s.empty() ? "-" : s;
}

struct Picture {
  int w = 0, h = 0;
  std::vector<uint8_t> pix;
};

static Picture load(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::string magic;
  int top = 0;
  Picture p;
  in >> magic >> p.w >> p.h >> top;
  in.get();
  p.pix.resize(size_t(p.w) * p.h);
  in.read(reinterpret_cast<char *>(p.pix.data()), std::streamsize(p.pix.size()));
  return p;
}

static sigjmp_buf aborted;

static void onAbort(int) { siglongjmp(aborted, 1); }

static std::string zxingUpTo(const Picture &p, uint8_t symbols) {
  using namespace ZXing;
  DecodeHints hints;
  hints.setFormats(BarcodeFormat::QRCode | BarcodeFormat::Code128 | BarcodeFormat::Code39 | BarcodeFormat::EAN13 |
                   BarcodeFormat::DataMatrix | BarcodeFormat::Aztec | BarcodeFormat::PDF417);
  hints.setTryHarder(true).setTryRotate(true).setMaxNumberOfSymbols(symbols);
  std::vector<std::string> found;
  for (auto &r : ReadBarcodes(ImageView(p.pix.data(), p.w, p.h, ImageFormat::Lum), hints)) {
    if (r.isValid()) {
      auto t = r.text();
      found.push_back(hex(t.data(), t.size()));
    }
  }
  return join(found);
}

// Debian's 1.4.0 fails an assertion of its own at a few codes along lines: then
// it may look for one code only.
static std::string zxing(const Picture &p) {
  signal(SIGABRT, onAbort);
  try {
    if (sigsetjmp(aborted, 1) == 0) return zxingUpTo(p, 255);
    return zxingUpTo(p, 1);
  } catch (const std::exception &) {
    return "-";
  }
}

static std::string zbars(zbar::zbar_image_scanner_t *s, const Picture &p) {
  using namespace zbar;
  zbar_image_t *img = zbar_image_create();
  zbar_image_set_format(img, 0x30303859 /* Y800 */);
  zbar_image_set_size(img, p.w, p.h);
  zbar_image_set_data(img, p.pix.data(), p.pix.size(), nullptr);
  zbar_scan_image(s, img);
  std::vector<std::string> found;
  for (auto *sym = zbar_image_first_symbol(img); sym; sym = zbar_symbol_next(sym))
    found.push_back(hex(zbar_symbol_get_data(sym), zbar_symbol_get_data_length(sym)));
  zbar_image_destroy(img);
  return join(found);
}

int main() {
  using namespace zbar;
  zbar_image_scanner_t *s = zbar_image_scanner_create();
  zbar_image_scanner_set_config(s, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
  for (auto k : {ZBAR_QRCODE, ZBAR_CODE128, ZBAR_CODE39, ZBAR_EAN13})
    zbar_image_scanner_set_config(s, k, ZBAR_CFG_ENABLE, 1);
  std::string path;
  while (std::getline(std::cin, path)) {
    Picture p = load(path);
    double t0 = cpu_us();
    auto a = zxing(p);
    double t1 = cpu_us();
    auto b = zbars(s, p);
    double t2 = cpu_us();
    printf("%.0f %s %.0f %s\n", t1 - t0, a.c_str(), t2 - t1, b.c_str());
    fflush(stdout);
  }
}
