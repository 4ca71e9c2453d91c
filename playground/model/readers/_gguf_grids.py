"""The grids of ggml's IQ formats: which points of a lattice their codes stand for.

From ``ggml-common.h`` (``iq2xxs_grid`` and so on), under ggml's MIT licence. A point is stored as one number of 16
bits, its coordinates as places in a short list of levels; points ascend, so that the steps between them are kept.
"""

from __future__ import annotations

from base64 import b85decode
from functools import cache

import numpy as np
from numpy.typing import NDArray

_ESCAPE = 255
"""A byte that adds so much to the step that the next ones continue."""

_GRIDS: dict[str, tuple[tuple[int, ...], str]] = {
    "iq2_xxs": (
        (8, 25, 43),
        "00IL80tW*O0tNyX0}KcW0~`Vf7+(Vn1uH}pXaXQ$|9}Gw5d$0o1{fg&3=~`f1{fwI7ZG>|Fhn5#T?GRS6d3~y0yca+!V>@g|NsB;0}K%"
        "#AS4V0YX}%H3MQl>|GWqo1td3^N}d+~>;nuiL4O6CvH$=7|NpcC2s#}f0;eCi0{{O30}L=0szD?FE&q8KbpNsc|NsC0|NsC0|NsC0|Ns"
        "C0|NsC0(gO?#2?HDm4hkUy3~(Sp9|e35I1Up3nFttQ8F>=i|NjF63@`<|SP3D+OaK4>|NnIe2?z&Z2z)+b?f?G)0(kdR|E&=SOWer+|N"
        "sC0{{jp!D412lNdKV){|o|h|Np@M|NsC0|NsC0|NsC0|NsC0|NsC0|Nqqj2sc536e!XE@dFG6D<GgoPIWgR|D*o{{|^8E|NsB^3=|w;b"
        "!x@`ydon14*&oEGoSze|NsC0=uS0+_y7MI|NsC0JhT",
    ),
    "iq2_xs": (
        (8, 25, 43),
        "00IL80tW*E0|x>F0~rGX0|x>F0|^5h0s{jH0|f_R0|EmF0s{jA2Ll`e0|N;I3<wzm3~&Mi0|^5RAp;BrD+>R30|EmF0s{jH0~`Va0|^5"
        "H3LygwZ~_AZ2?Gov0}K%#fddQ{8UjN9eF6gm0tW*O1snqm2q+*5R|5<%K?rvs2yP1h|NsC0W&;8P2Lb~F2?HDg0|N;I3<?(m3~&Mi0|^"
        "5RAp;CB6as4l0tzr7|Dgf{0|^5RAp->m6dZvA3^2eHHUGH-3<53`GI|AJ>sbH)|NsA70s{jA2LlWt0}L=AVFL^>2pyXuUMT-"
        "s0}L4#z(Em5Xc>(ETL=OcH8UE<D0moR1_J;8|NsC0|NsC0|NsC0|NsC0|NsAt0|EmF0s{jH0~`Va0|EyF3<Vqm3~&Mi0|^5RAp;CB1sz"
        "`l3<4Jy|G@$S0|^5K2O$FtFcfVA3=|w%W(qnC|FQ!NFa-"
        "||o)I$)8JqwA|NsC00s;dA2?GoW83PP3fddQ$D+0bmX8%|N3=tn7As}A}cnFzCIsaf3Ee}b7CIbIN|NsC0|A7MxFcc0XBUk?=CP@Ep7W"
        "yy+U;qDKX}jT04*&oE|NsC0|NsC0|NsC0|NsC0|NpZB0|N;I3<?(m3@`#F0#^e93NR4}ryyVg9ti(h0}KKKD<CO%L}7DM|Cb0IH6{WkU"
        "jH3l2o4he|NsC0UIPp;7A|}uLh>{Jcm+QU2+?N(umArNRin&H|NsC0|D^&30u~B(u?S6C0tO;hApfCN|Isu5a~1*ycnDm80-^$E82",
    ),
    "iq2_s": (
        (8, 25, 43),
        "00IL80tW*E0|x>F0~rGX0|x>F0|^5H0~Z1V0|^5R1qD|F0s{vE0|N;I90CIa2?GKH2L%He0}KKK3<F#O0|N;I3<?(m0s{vHD+L7#4*y^"
        "S0s{vE0|N;I0s|KU0|NpF0|EmF0s|Za0s{vH0|^6M0s{jA2Ll2F2L%He0|EmF0s{jH0~`Va0|^5RVFLmK2L&qy0|^5RAp;EmaRLJa2?G"
        "KH2L%Ne0|EmF0s{jH0~`ep7FPod0s{jH9|Z#m0}LS#a1jFz1_CBY|NsC0|7`;T0|x>F0|^5H8Uh0Y2?GKH2Lb~F83O_e1p^5KTml0F0t"
        "W*E0|x>F0~rGX0|x>F0|^5h0s{jH18oBZ2L%iR90d#mEdvbyaRLJa2?GKH2L%He0|EmF0s{jH0~`Va0|^5RVFLmK2Lb~F2?HDg0|N;I3"
        "?Tyya0LSi0}LSp3@|GHSOWqB2L%HO9|8jd2?Gov1AGDl0|^5RAp;B<IbsYj7XSbM|NpN70|N;I0s{vH1s4Mh0s{{m3JMli0}KKK3?Bjm"
        "3<C@y0}OBq7zP3w3^)QF|5^hA0|x~I2?HDg0|N;I3?Tyya0LSi0}LSp3>F%J0}L=3|EL8F11$p#Iv`gA425+VLL>tJ|NsC0|NsC0|NsC"
        "0|NsC0|NsC0i~|A#2Lb~F0tW*E8Uh0Y0tW*E0|x>F90Lpm0|^6M0s{jH0|EmF0s|Za0s{vE0|N;I90CIa2?Gpa0}KKK0}LDm0|^5RAp`"
        "$?0s{jA2Ll2F2Lb~F83O_X2Lb~F2?HDg0|N;I3}FKT0|x>F0|^5h0s{jH0}Kim0}OBi0|N;I3?TyyFeU$80|f^H0|N;I90CIa2?Goy3~"
        "&Mi0|^5RAp;CB7Hb0xF#rGm|Nq4T0|N;I0s{vE0|OZY0s{vE0|N;I90CIa2?K2d0s{vE0|N;I90CIa2?Gov0}OBl0|^5RAp;B<7yp6-"
        "0s{vE0|N;I90CIa2?Gov0}OBi0|N;I3?TyyFo6RM78?J-"
        "0s{jH0}LSp3<@TJ0}L?08Ehl}|NsC0UIPLO0s{jH0~`ed2?Goy3~&Mi0|^5RAp;CB8EXtM7EAwN1p^5K3?TyyFo6RMFbW<jZj}FS0}NF"
        "&Xe$31U;qFA|NsC0|NsC0|NsC0|NsC0|NnFX0|N;I1qTHj0}KKK0|_4m3<GTg1qT8H0|^5h0s{jH11$p#8CL}b2Lmkw4F9qN0s{vE0|N"
        ";k0s{jH0}LSp3~&Mi0|^5RAp;CB3U>nx85jS-"
        "1q=f%0}N7M13V?YHUcOh|NsC0|6~IN2Lb~F3>*Rj0|^5RAp;C>1q=f%0}KkM0}L=`|62kB0|^5RAp;CB7Hb0xFjxs+Mjrp30}K`#X;(="
        "J|3Cl#|NsAW1qBKY2p0nkQV5nMod_5P0$2tD9{*Yc3@}L>Tp9m4|GFM}vND1K76JxfA^",
    ),
    "iq3_xxs": (
        (4, 12, 20, 28, 36, 44, 52, 62),
        "00IIH0t5*H4-qi}i~<b;4+IMW4-*`a0s;*W0uKTN8U`MW1_=TaOQR$W6C47J1}h-"
        "rFRTOtEgt{>|NsC0|Np204FV4W4FUoa39teW4+7r;4FV4jLXH9+5fvbt1WV8aA}f^t9v=Vy|NsC0|NqDW4+0GW1Pc+r0s;#H4-"
        "Yd036KI01_=Tc2^Fjl1Y88c9<U@DGyjeP6EFY&|NsC0|Nq1f0uKT$6%CF89uX4)y8;arEg+vF{TC~a1{^cLA}!D@|NsC0|NsC0tP>sr9"
        "0dO!tQQF&2BAK`O%uT$E&rAa0v`YW|NsC0|NrVQFOUWxFTWl@kWsx81WS-"
        "F{~**J|NsC0|NsC0>L3Chy+F22%m)7t!A;@N9{>OU|NsC0|LOt)2_hiW8qzZjt`#0F!63f^BL58",
    ),
    "iq3_s": (
        (1, 3, 5, 7, 9, 11, 13, 15),
        "009950to>D0s;yF1P%=X0|E*H4FV4X1Bn3v0t^8J3j+iS1P>hq4UPc>0to{H3j_-U4g&%T0v!X84g?DV4*~-"
        "Y3<4Dj1d9^{3Ih%f0}daO0vrMa4GshX9}SZW0v;hBj{*W50t5{m1poj4|NsC0|Fi)C0t^8H0s;vF4+8=o0t*q20RjUG1Pu=Z4i5qz28t"
        "2`0to~T4g(Sk5|0A|2?GuW2?Pxx4wC{60v!Sm1PTPL4+9Pl0w2!=104dp0u2HW6bvB_|NsC0|NsC0m;nL;0to^F0t*5J2?7rS0t*5a2?"
        "GL)0uBQN3j+)T4iB&c0~!Ji2MQ7d8Uu_10}K%Y4FV4i7Mlhc0}lfXF$0ec5fup&9gqSA8Z-"
        "=~3>69!4gdfD|NsC0|GEzX0s;#U0s;*J0}2ujkOBe^4FVk?5(J784iW+!u@3|d0t5*W0t5~okPZb54<QZ&oeu&N4H6O^qbtAy9Rd^o|N"
        "sC0|NsBf1P%@a0}BriAd&?N0uK%a4h{sY0u2QW5)Bs%4wMZ74FV4Y%K{=32{Duc8bPrkEU*O|6Au6X|NsC0|NprT1P&eq0}B)mjRFD<4"
        "-r6)5fTjs9j^rm7aa{04vqsH5){l7D+2Gp0v`YW|NsC0|Nr*_0vrM@pdbf5t|AT-4GxeL4IkwmAD#m-"
        "ETucq0{{R2|NsC0|Mdg|83Ggv6b_&d6CVP+0}KWW4<WHI10Jpf4h=BUAiyur",
    ),
    "iq1_s": (
        (-1, 0, 1),
        "00IL80tW;O0tNyb3<ClW8v+Ib3kw1U0$KqK0|Em93mgRl2?GTO0|Eja3<ClWTLK0G3kw1U0vikn3k4Sf1_B2J1P1~J0{>_O0uLMr3<U}"
        "SEC>u-"
        "0|5aK0|E~h1qB8H0|5a82Lb~F0v8Yj0|EyF0RaPR1t<dy0s{jG0R;mb3<CxKXaWWT3kw1U0vikk4;umo0t*WQ1_E0Q0|g5K91j5m3<Cu"
        "y0|EmKTLK0G3kw1U0vikn2m~7f0|NpJ3jziL|NsC0|7!sQ1q%Tj0}KTN2?GHHC<6iu1Y83G0|x>F0|^5K90dje0RjO50|x~k4g(AWZ36"
        "-i8wLXj0|NpI0v`+m0uTRP1p^BK0|5vH8w3FY0tW*D0RssG0~`eh1OWp90S5yC1X%+G2Lk~C0|x>F0|FNV0RamE0s#R70S5yC0RtBT0s"
        "#X81_1*B0RsUB0s~wF0RayI0s;pG8Ug|V0|EyG0RjOC0|5g80UQJf0}loNX$21)0|EmF1p@*G0RsX991H^yYXSoW2Lv4g0RssG0RaO61"
        "_cEl2mu2F2?YaS4Gsbx0s{vE0|N;K0~`zm1poj4|Nm<O1_BEU0s{jA8w>~t1RDYd0t*WQ0|NqE3<CuW9RdXm0|EyF0RbNi1_KOS2LcBK"
        "3jziL8w>>l3>*gn2LuZO1_J+F4*~-"
        "W9{~Xa2?GNH3?B>w1qcLW3=9Yt1p^5K0R#yH10e?l0RsXD0|EnF3jzlW90&{x0SFrc3JU*c0tNyL3jziL8w>*x8v+Ib76JwWUkC#Q3?T"
        "yv0}KNK0~`wm0}BCL0tNyW0tNyb3<U!W8v+Ib3kw1U0{{R2|NsC0|NsC0|NsC0|NsC0|Nn3d1rH<%0|NpF0|G7u2nAXJ0|EmH0|5d82L"
        "%Hh0|EyF0RaO63j+cd0|E*H0}BBGV+;cV4;&E#1quZq3laZa6a)|)0|EyF0RamE0|NpV1p@~H0}BBNSOEhC2Lk~C0|x~K7XtwS0|x;E0"
        "RaL52m=8D0~rDV0|^5G0RsUG0|HkB1PcKJ0tW*H7XkwV2mt{D0RssG0~rJb3IPlQ0{>tP1O*En2L}ZM2?GKH91H^j0}NaQ0R#pF0RssG"
        "0vZJc2LS>B0RsmD0|5ja0|^5G0to{G18pt>0}KNK3I!_>|NsC0|6v0G0RssG1qTBK7X<?e0|5a83<Dkm3<C%O1p{0I0RaaC0RaL52L%B"
        "F0v7`T0RsmC0RjO50s#RB0|5a883POh0RaOC1qD|H3<CuR10Dkf2Lk~C0|^5l3jzZK0Sf<N0Sp5H0RjOC1OoyW0|5a80R{mB0RaL50S5"
        "sB0RaOS2m%KK0RaOD0|5nB0RjO50|x;C0s#R70S5yC0RtBS0RjO50s#jB0RjO50s#RA0RsU60s#RR0|5j91_1*B0RjOC0|5a8R{;S60s"
        ";XD0|5g82LS;B0RaL57z6<V0RaX90RjO50s#RB0|5jX0|5d70S5#H2m=8E0smY90RsmG0|^Nm0|EyF0RaL52Lb{C9R~*j0|N;NSOEhC2"
        "Lk~C0}LDk0RaOC0RaL50RjO52Lk~C0~iDZ2m=8D0s#zP1PuiS1pxyb0|5vG0RjOD0|NpV2?zrL0s;sB|NsC0X%7Me3?B>y0RjRC0|EmW"
        "6%Skk0s{#H3;_fK90Uji0Rs#H1R4ei0}KTNXaxf&0R;~M0th7x1rPsi0RsU92L%Hc0s{jA2Lk~C0|5pC10Mkd2Lb{C0RjRC0|i_I0tW;"
        "E11kXm0|x;E0RaOD0|5a89RmRe1OWp92m=8ES_cdZ1_A*W1p@*H0|5a70tN*G7y<(Y3IYNF2Lu8H|7`;d91#Nr2M8Pt2M${U3<V4W0s|"
        "KT1OWmG0|5a82L%Nf0tO2V0|5kR1p+Ap1qTHK0tx{H9S#Hn4FCWC|NsC0|NsC0|NsC0|NsC0|Nn0S1_BlW1_B!k0RsX93>yLl0t*WQ1_"
        "E0Q0|EmK90LUh0s{d80Sf{H90Usj0}NXN1_BEU0tNyn0|g8l0tNyL3jziL|7!&(0}TWP2LlBw1!xEf0|g8N7XbtV2?GHE0|5&G0s<EU0"
        "s{vE0|O3g1p^Em0|fyF1q1;H1q2%m2@3yR0tNyL3jziL7X%Cg1q=ii0tNyL3jziLTLB9L0uLMm0s{vE0|f^IArS)%TLK0G3kw1U0viki"
        "0xALq0t*WQ1_J;8|NsAB3<UxK3>*am3<ClW0UHbh0s{<O0|EmF1p@*H0|EmV1q%TK0RaOE10Mnm0|N;I0s~wO0|g8p0s{vE0|O2N91j8"
        "$|5*b93IziW8VUyk0RaL52LS;C9|8;l0RssLR|NwC1_1*B0RspG1OXQV0RaOC0RaL50RjO52Lk~C0~iDY2>}8D0RsUB0s{jAR|5<M1P2"
        "BK90LIe0RsU83<DYh1px>G0S^KL|6LIS3>*at0s{dA3IQMt1p^FU0s{vE0|NpE0RsXW0s{jA2Lk~C0|^5G1Q!Dg0s{pH1z!*l9|8jh1p"
        "^5r3<CiH|NsC0|8D{Y0t*WQ1_B!l0|Eml0tNyL3jziLTLcIL0s{do0|*2I0tW*j3jzcKX$ArY2?+)Q8w>>l3>yLl0t*WQ1_J+Z3>*Ut1"
        "OWpA2Lu5E0UUt?2Lb~F4g(nj3<CiH0}KTh0|5a82?GOd3<U%S1Rnwf2m=8E2m&Mu1pxyH0|NhB0tNyW0tNyn0|Eml0tNyL3jziLTMq>Y"
        "1RM_q1qTHKCkAQ)1_BlW1_CDo0xALq0t*WQ1_A",
    ),
}
"""Format -> levels of a coordinate, and the steps between points, base 85."""


@cache
def grid(name: str) -> NDArray[np.float32]:
    """The points of a format's grid, one a row: float32 (points, 8), of formats with four coordinates (points, 4)."""
    levels, text = _GRIDS[name]
    steps = np.frombuffer(b85decode(text), np.uint8)
    points = np.cumsum(steps, dtype=np.int64)[steps != _ESCAPE]
    bits, mask = (2, 3) if len(levels) <= 4 else (4, 7)
    places = points[:, None] >> np.arange(0, 16, bits) & mask
    coordinates: NDArray[np.float32] = np.array(levels, np.float32).take(places)
    return coordinates
