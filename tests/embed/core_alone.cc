// Goal: a program that only decides needs neither a network nor a database library.
// Method: the build links all of weir_core into this program, used or not, and names no other
// library; a call out of base, json or route into libuv, OpenSSL or SQLite fails the link. The
// ctest then looks at the finished file with core_alone.sh.
int main() { return 0; }
