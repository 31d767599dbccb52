// A Modbus RTU slave made of Debian's libmodbus, for the crosscheck of our
// drivers: framing, checksums, lengths, unit and exceptions are the library's.
// Usage: slave TTY CHANNELS OPEN|none [flash]. It serves unit 1 at 9600 8N1:
// coils, of which those of all relays (00FF) are on; discrete inputs, all made
// but OPEN, counted from 0; registers 1000 on, which are 1 (linkage). A line of
// stdout for each request that libmodbus took: its bytes but the checksum, the
// number of coils that are on and the sum of the registers, after the reply.
//
// With "flash" the coils of the vendor's flash command, which Modbus doesn't
// know, are answered by repeating the request, as the vendor's paper says.
// Without it libmodbus judges the command by the specification.
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODES = 0x1000, COILS = 0x0400, ALL = 0x00FF, FLASH = 0x02 };

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int channels = atoi(argv[2]), flash = argc > 4 && strcmp(argv[4], "flash") == 0;
  modbus_t *ctx = modbus_new_rtu(argv[1], 9600, 'N', 8, 1);
  modbus_mapping_t *map = modbus_mapping_new_start_address(0, COILS, 0, channels, MODES, channels, 0, 0);
  if (!ctx || !map) return 1;
  for (int i = 0; i < channels; i++) {
    map->tab_input_bits[i] = 1;
    map->tab_registers[i] = 1;
  }
  if (strcmp(argv[3], "none") != 0) map->tab_input_bits[atoi(argv[3])] = 0;
  map->tab_bits[ALL] = 1;
  modbus_set_slave(ctx, 1);
  modbus_set_response_timeout(ctx, 0, 1000);  // what it waits before an exception
  if (modbus_connect(ctx) != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], modbus_strerror(errno));
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("ready");
  for (;;) {
    uint8_t q[MODBUS_RTU_MAX_ADU_LENGTH];
    int n = modbus_receive(ctx, q);
    if (n < 0 && (errno == EIO || errno == EBADF || errno == ENXIO)) return 0;  // the line is gone
    if (n <= 0) continue;  // damaged, or for another unit
    int vendor = flash && q[1] == MODBUS_FC_WRITE_SINGLE_COIL && q[2] == FLASH;
    if (vendor) {
      modbus_send_raw_request(ctx, q, n - 2);
    } else {
      modbus_reply(ctx, q, n, map);
    }
    for (int i = 0; i < n - 2; i++) printf("%02X", q[i]);
    int on = 0, modes = 0;
    for (int i = 0; i < COILS; i++) on += map->tab_bits[i];
    for (int i = 0; i < channels; i++) modes += map->tab_registers[i];
    printf(" %d %d\n", on, modes);
  }
}
