# Makes a header of the status page's parts, with the hashes that its Content-Security-Policy names:
#   cmake -DFOLDER=app/control/page -DOUTPUT=page_parts.hpp -P embed.cmake

# Sets `result` to the base64 of a SHA-256 in hexadecimal digits, 32 bytes.
function(base64_of_sha256 hexadecimal result)
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  set(padded "${hexadecimal}00") # 33 bytes: whole groups of three
  foreach(group RANGE 10)
    math(EXPR start "${group} * 6")
    string(SUBSTRING "${padded}" ${start} 6 digits)
    foreach(shift 18 12 6 0)
      math(EXPR index "(0x${digits} >> ${shift}) & 63")
      string(SUBSTRING "${alphabet}" ${index} 1 character)
      string(APPEND text "${character}")
    endforeach()
  endforeach()
  string(SUBSTRING "${text}" 0 43 text)
  set(${result} "${text}=" PARENT_SCOPE)
endfunction()

set(header "#pragma once\n\n#include <string_view>\n\nnamespace workspace_supervisor::page_parts {\n\n")
foreach(part document:page.html style:page.css script:page.js)
  string(REPLACE ":" ";" part "${part}")
  list(GET part 0 name)
  list(GET part 1 file)
  file(READ "${FOLDER}/${file}" content)
  string(APPEND header "inline constexpr std::string_view ${name} = R\"~~~(${content})~~~\";\n")
  file(SHA256 "${FOLDER}/${file}" digest)
  base64_of_sha256(${digest} hash)
  string(APPEND header "inline constexpr std::string_view ${name}_hash = \"${hash}\";\n\n")
endforeach()
string(APPEND header "} // namespace workspace_supervisor::page_parts\n")
file(WRITE "${OUTPUT}" "${header}")
