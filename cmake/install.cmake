# What `cmake --install` puts where, and the Debian package made of that (`cpack`).
include(GNUInstallDirs)
set(CMAKE_INSTALL_DOCDIR ${CMAKE_INSTALL_DATAROOTDIR}/doc/workspace-supervisor)

set(documents ${CMAKE_BINARY_DIR}/documents)
install(TARGETS workspace-supervisor workspacectl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${documents}/bash/workspace-supervisor ${documents}/bash/workspacectl
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${documents}/fish/workspace-supervisor.fish ${documents}/fish/workspacectl.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
set(SUPERVISOR_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where zsh looks for completions")
install(FILES ${documents}/zsh/_workspace-supervisor ${documents}/zsh/_workspacectl DESTINATION ${SUPERVISOR_ZSH_DIR})
foreach(page workspace-supervisor.1 workspacectl.1 caf-application.conf.5)
  string(REGEX MATCH "[0-9]$" section ${page})
  install(FILES ${documents}/man/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# supervisor_made_from(SOURCE RESULT FIND REPLACE...): the file with each FIND replaced, all of which must be there.
function(supervisor_made_from source result)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${source})
  file(READ ${PROJECT_SOURCE_DIR}/${source} text)
  set(pairs ${ARGN})
  while(pairs)
    list(POP_FRONT pairs find replace)
    string(FIND "${text}" "${find}" place)
    if(place EQUAL -1)
      message(FATAL_ERROR "${source}: expected '${find}' in it")
    endif()
    string(REPLACE "${find}" "${replace}" text "${text}")
  endwhile()
  file(WRITE ${result} "${text}")
endfunction()

# The commented configuration, with the folders of a service of the system.
set(installed ${CMAKE_BINARY_DIR}/installed)
supervisor_made_from(config/caf-application.conf ${installed}/caf-application.conf
  "# state-dir = \"/configs/.supervisor\"" "state-dir = \"/var/lib/workspace-supervisor\""
  "# socket = \"/configs/.supervisor/control.sock\"" "socket = \"/run/workspace-supervisor/control.sock\"")
install(FILES ${installed}/caf-application.conf DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/workspace-supervisor)
supervisor_made_from(deploy/systemd/workspace-supervisor.service ${installed}/workspace-supervisor.service
  "ExecStart=/usr/bin/" "ExecStart=${CMAKE_INSTALL_FULL_BINDIR}/"
  "=/etc/workspace-supervisor/" "=${CMAKE_INSTALL_FULL_SYSCONFDIR}/workspace-supervisor/")
set(SUPERVISOR_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd looks for units")
install(FILES ${installed}/workspace-supervisor.service DESTINATION ${SUPERVISOR_UNIT_DIR})

# -- the Debian package: configured with CMAKE_INSTALL_PREFIX=/usr

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME workspace-supervisor)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(SUPERVISOR_MAINTAINER "Workspace supervisor <workspace-supervisor@users.noreply.github.com>" CACHE STRING
  "Whom the Debian package names")
set(CPACK_PACKAGE_CONTACT "${SUPERVISOR_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "keeps AI agents' workspaces alive on their platform")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Tells a platform that agents' workspaces live, fetches the results of delegated
tasks, and wakes the agents with them, from outside the agents' processes.
.
With workspacectl, which asks and tells the running supervisor.")
set(CPACK_PACKAGE_FILE_NAME workspace-supervisor_${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates, init-system-helpers (>= 1.51)")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(control ${PROJECT_SOURCE_DIR}/deploy/debian)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${control}/conffiles;${control}/postinst;${control}/prerm;${control}/postrm")
if(SUPERVISOR_DEB)
  # By SOURCE_DATE_EPOCH, if that is set.
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${installed}/changelog "workspace-supervisor (${PROJECT_VERSION}) unstable; urgency=medium

  * Version ${PROJECT_VERSION}: CHANGELOG.md says what is new.

 -- ${SUPERVISOR_MAINTAINER}  ${date}
")
  execute_process(COMMAND gzip -9nkf changelog WORKING_DIRECTORY ${installed} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${installed}/changelog.gz CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
endif()
include(CPack)
