# Writes OUT, a C file that holds every catalogue file and theme under ROOT as a byte array, so that
# core/embedded.h can hand them out by path.
file(GLOB files RELATIVE ${ROOT} ${ROOT}/core/queries/*.sql ${ROOT}/core/checks/*.sql
     ${ROOT}/core/runbooks/*.sql ${ROOT}/themes/*.theme)
list(SORT files)
set(arrays "")
set(rows "")
set(n 0)
foreach(file IN LISTS files)
  file(READ ${ROOT}/${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char file_${n}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${file}\", (const char *)file_${n}, sizeof file_${n} - 1},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT}.tmp "#include \"core/embedded.h\"\n${arrays}\nconst struct embedded embedded_files[] = {\n${rows}    {0},\n};\n")
file(COPY_FILE ${OUT}.tmp ${OUT})
